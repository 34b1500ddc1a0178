import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { ticksPerSecond } from '../server.ts';

export interface CommandCost {
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
  /** The largest resident memory, as seen until shortly before the end. */
  readonly peakBytes: number;
}

const pollMilliseconds = 20;

/** Runs a program to its end and measures it, from its start on. Rejects if it fails. */
export async function measureCommand(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<CommandCost> {
  const [started, cpuBefore] = [performance.now(), await endedChildrenSeconds()];
  const child = spawn(program, args, { stdio: 'ignore', env: { ...process.env, ...env } });
  const ended = new Promise<number | null>((done, fail) => child.once('error', fail).once('exit', done));
  const isOver = ended.then(
    () => true,
    () => true,
  );
  let peakBytes = 0;
  while (!(await Promise.race([isOver, sleep(pollMilliseconds, false)]))) {
    const status = await readFile(`/proc/${child.pid}/status`, 'utf8').catch(() => '');
    peakBytes = Math.max(peakBytes, Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024);
  }
  const code = await ended;
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} exited with ${code}`);
  return {
    wallSeconds: (performance.now() - started) / 1000,
    cpuSeconds: (await endedChildrenSeconds()) - cpuBefore,
    peakBytes,
  };
}

/** Resolves to the CPU seconds of children of this process that have ended. Those that run are not counted. */
async function endedChildrenSeconds(): Promise<number> {
  const text = await readFile('/proc/self/stat', 'utf8');
  const fields = text.replace(/^.*\) /s, '').split(' ');
  return (Number(fields[13]) + Number(fields[14])) / ticksPerSecond;
}
