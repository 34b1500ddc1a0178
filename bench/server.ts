import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A registry server under measurement. */
export interface Server {
  readonly name: string;
  readonly url: string;
  readonly port: number;
  readonly directory: string;
  /** CPU seconds so far, user and system, of all its threads: the operating system's accounting. */
  cpuSeconds(): Promise<number>;
  /** Resident memory, bytes. */
  residentBytes(): Promise<number>;
  /** Ends it and starts it again over the same data; resolves to the seconds until its first answer. */
  restart(): Promise<number>;
  close(): Promise<void>;
}

interface Launch {
  readonly name: string;
  command(
    port: number,
    directory: string,
  ): Promise<{ program: string; args: readonly string[]; env?: Readonly<Record<string, string>> }>;
}

/** berth with its defaults: one JSON line a request, here to a file that nobody reads. */
export const berth: Launch = {
  name: 'berth',
  command: (port, directory) =>
    Promise.resolve({
      program: resolve(import.meta.dirname, '../bin/berth'),
      args: ['serve'],
      env: { BERTH_LISTEN: `127.0.0.1:${port}`, BERTH_STORAGE_BLOBS_DIRECTORY: directory },
    }),
};

/** Debian's docker-registry, CNCF Distribution 2.8, with its defaults: access log and all. */
export const peer: Launch = {
  name: 'docker-registry',
  async command(port, directory) {
    const file = join(directory, 'config.yml');
    const storage = `storage:\n  filesystem: {rootdirectory: ${directory}}\n  delete: {enabled: true}\n`;
    await writeFile(file, `version: 0.1\n${storage}http: {addr: "127.0.0.1:${port}"}\n`);
    return { program: 'docker-registry', args: ['serve', file] };
  },
};

const ticksPerSecond = 100;

export async function startServer(launch: Launch): Promise<Server> {
  const directory = await mkdtemp(join(tmpdir(), `bench-${launch.name}-`));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  let child: ChildProcess;

  async function start(): Promise<number> {
    const { program, args, env } = await launch.command(port, directory);
    const started = performance.now();
    child = spawn(program, args, { stdio: 'ignore', env: { ...process.env, ...env } });
    while (!(await answers(url))) {
      if (child.exitCode !== null) throw new Error(`${launch.name} ended: is it installed?`);
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
  return {
    name: launch.name,
    url,
    port,
    directory,
    async cpuSeconds() {
      const fields = (await statistics('stat')).replace(/^.*\) /s, '').split(' ');
      return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
    },
    residentBytes: async () => Number(/VmRSS:\s+(\d+) kB/.exec(await statistics('status'))?.[1]) * 1024,
    async restart() {
      await end();
      return start();
    },
    async close() {
      await end();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function answers(url: string): Promise<boolean> {
  return fetch(`${url}/v2/`).then(
    (response) => response.ok,
    () => false,
  );
}

function freePort(): Promise<number> {
  return new Promise((found) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => found(port));
    });
  });
}
