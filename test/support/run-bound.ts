import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';

/**
 * Starts a program that ends with its standard input, and keeps that open until the test run ends, however it ends. The
 * run is Jest's own process: Jest replaces its workers when they have grown, and what the files of a run share outlives them.
 */
export function spawnForRun(command: readonly string[], errors: 'pipe' | 'ignore'): ChildProcess {
  const run = process.env['TEST_RUN_PID'] ?? String(process.pid);
  const script = 'run=$1; shift; exec "$@" < <(exec tail --pid="$run" -f /dev/null 2>/dev/null)';
  return unbound(spawn('bash', ['-c', script, 'bash', run, ...command], { stdio: ['ignore', 'ignore', errors], detached: true }));
}

/** Starts a program that ends with its standard input, and keeps that open until `stdin` is ended or this process ends. */
export function spawnForProcess(command: readonly string[]): ChildProcess {
  const stdio: StdioOptions = ['pipe', 'ignore', 'ignore'];
  return unbound(spawn(command[0] ?? '', command.slice(1), { stdio, detached: true }));
}

/** Lets this process end while the child runs. */
function unbound(child: ChildProcess): ChildProcess {
  child.unref();
  for (const pipe of [child.stdin, child.stderr]) (pipe as unknown as { unref?(): void } | null)?.unref?.();
  return child;
}
