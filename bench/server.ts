import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../test/support/free-port.ts';

/** A registry server under measurement. */
export interface Server {
  readonly name: string;
  readonly isBerth: boolean;
  /** The header line of the requests, with its line break; '' if they need no login. */
  readonly authorization: string;
  readonly url: string;
  readonly port: number;
  readonly directory: string;
  /** Resolves to the CPU seconds so far, user and system, of all threads and processes, as the operating system counts them. */
  cpuSeconds(): Promise<number>;
  /** The same of the threads that run now, to the nanosecond. For one process that starts and ends no threads meanwhile. */
  threadSeconds(): Promise<number>;
  /** Resident memory, bytes. */
  residentBytes(): Promise<number>;
  /** Restarts the server with the same data; resolves to the seconds until its first answer. `between`: runs while it is stopped. */
  restart(between?: () => void): Promise<number>;
  close(): Promise<void>;
}

/** How a server is started. */
export interface Launch {
  readonly name: string;
  readonly isBerth: boolean;
  command(
    port: number,
    directory: string,
  ): Promise<{ program: string; args: readonly string[]; env?: Readonly<Record<string, string>> }>;
  /** Resolves to the `Authorization` of the requests. */
  authorize?(url: string): Promise<string>;
}

export const ticksPerSecond = 100;

export async function startServer(launch: Launch): Promise<Server> {
  const directory = await mkdtemp(join(tmpdir(), 'bench-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  let child: ChildProcess;

  async function start(): Promise<number> {
    const { program, args, env } = await launch.command(port, directory);
    const started = performance.now();
    child = spawn(program, args, { stdio: 'ignore', env: { ...process.env, ...env } });
    while (!(await answers(url))) {
      if (child.exitCode !== null) throw new Error(`${launch.name} exited: is it installed?`);
      await sleep(5);
    }
    return (performance.now() - started) / 1000;
  }

  function end(): Promise<void> {
    return new Promise((done) => {
      child.once('exit', () => done());
      child.kill('SIGTERM');
    });
  }

  const statistics = async (file: string) => readFile(`/proc/${child.pid}/${file}`, 'utf8');
  await start();
  const authorization = await launch.authorize?.(url);
  return {
    name: launch.name,
    isBerth: launch.isBerth,
    authorization: authorization === undefined ? '' : `Authorization: ${authorization}\r\n`,
    url,
    port,
    directory,
    cpuSeconds: () => cpuSecondsOf(child.pid ?? 0),
    threadSeconds: () => threadSecondsOf(child.pid ?? 0),
    residentBytes: async () => Number(/VmRSS:\s+(\d+) kB/.exec(await statistics('status'))?.[1]) * 1024,
    async restart(between) {
      await end();
      between?.();
      return start();
    },
    async close() {
      await end();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

const idleCpuSeconds = 0.03;
/** More than the time between two looks for work that waits. */
const idleForSeconds = 4;

/** Resolves when the server has done what follows its last requests: it has used almost no CPU for seconds. */
export async function untilIdle(server: Server): Promise<void> {
  for (let idle = 0; idle < idleForSeconds;) {
    const before = await server.cpuSeconds();
    await sleep(1000);
    idle = (await server.cpuSeconds()) - before <= idleCpuSeconds ? idle + 1 : 0;
  }
}

/** Resolves to the CPU seconds so far of a process and its children, including ended ones. */
export async function cpuSecondsOf(pid: number): Promise<number> {
  return (await cpuTicks(pid)) / ticksPerSecond;
}

/** The first number of `schedstat` is the time on a processor in nanoseconds. */
async function threadSecondsOf(pid: number): Promise<number> {
  const threads = await readdir(`/proc/${pid}/task`);
  const times = await Promise.all(
    threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').catch(() => '0')),
  );
  return times.reduce((sum, text) => sum + Number(text.split(' ', 1)[0]), 0) / 1e9;
}

/** Resolves to 0 for a process that has ended meanwhile: its ticks count at its parent. */
async function cpuTicks(pid: number): Promise<number> {
  const read = (file: string) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => undefined);
  const [stat, children] = [await read('stat'), await read(`task/${pid}/children`)];
  if (stat === undefined || children === undefined) return 0;
  const own = stat
    .replace(/^.*\) /s, '')
    .split(' ')
    .slice(11, 15)
    .map(Number);
  const ofChildren = await Promise.all(
    children
      .split(' ')
      .filter(Boolean)
      .map((child) => cpuTicks(Number(child))),
  );
  return [...own, ...ofChildren].reduce((sum, ticks) => sum + ticks, 0);
}

async function answers(url: string): Promise<boolean> {
  return fetch(`${url}/v2/`).then(
    ({ status }) => status === 200 || status === 401,
    () => false,
  );
}
