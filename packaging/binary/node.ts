/** The Node.js of the executable: the pinned npm package of `runtime/`, for each processor that has one. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { checkout } from '../bundle.ts';

export const processors = ['x64', 'arm64'] as const;
export type Processor = (typeof processors)[number];

/** Returns the folder of the package, with `bin/node` and `include/`. Installs it below `.cache/` if `runtime/` has another one. */
export function nodePackage(processor: Processor): string {
  const runtime = join(checkout, 'runtime');
  const name = `node-linux-${processor}`;
  const installed = join(runtime, 'node_modules', name);
  if (existsSync(installed)) return installed;
  const cache = join(checkout, '.cache', name);
  mkdirSync(cache, { recursive: true });
  for (const file of ['package.json', 'package-lock.json']) copyFileSync(join(runtime, file), join(cache, file));
  const options = ['--no-save', '--no-audit', '--no-fund', '--loglevel=error', '--os=linux', `--cpu=${processor}`];
  execFileSync('npm', ['install', ...options], { cwd: cache, stdio: ['ignore', 2, 2] });
  return join(cache, 'node_modules', name);
}
