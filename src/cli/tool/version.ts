import { readFileSync } from 'node:fs';
import type { Invocation } from '../program/command.ts';
import { printValue } from '../program/output.ts';

/** Returns the version of this program, from package.json. */
export function readVersion(): string {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** `berth version` */
export function printVersion(invocation: Invocation): Promise<void> {
  const version = readVersion();
  printValue(invocation, `berth ${version}`, { version });
  return Promise.resolve();
}
