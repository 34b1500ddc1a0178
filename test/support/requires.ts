import { describe } from '@jest/globals';
import { missing } from './run.ts';

/** `describe`, where the machine has the programs; elsewhere its tests are skipped, and the reason is printed. */
export function describeWith(programs: readonly string[], title: string, body: () => void): void {
  const absent = missing(...programs);
  if (absent.length > 0) process.stderr.write(`skipping "${title}": ${absent.join(', ')} is not installed\n`);
  (absent.length > 0 ? describe.skip : describe)(title, body);
}
