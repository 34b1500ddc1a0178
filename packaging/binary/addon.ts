import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { checkout } from '../bundle.ts';
import type { Processor } from './node.ts';

/** Compilers by processor: Debian's cross compilers, where the machine has another one. */
const compilers: Readonly<Record<Processor, string>> = { x64: 'x86_64-linux-gnu-gcc', arm64: 'aarch64-linux-gnu-gcc' };

/** Compiles the sendfile addon for a processor. Returns the reason if it could not. */
export function buildAddon(processor: Processor, headers: string, target: string): string | undefined {
  const compiler = processor === process.arch ? (process.env['CC'] ?? 'cc') : compilers[processor];
  const source = join(checkout, 'src/http/transfer/native/sendfile.c');
  const args = ['-O2', '-Wall', '-shared', '-fPIC', `-I${headers}`, '-o', target, source];
  const { status, error } = spawnSync(compiler, args, { stdio: ['ignore', 'ignore', 2] });
  if (error) return `there is no ${compiler}`;
  return status === 0 ? undefined : `${compiler} failed`;
}
