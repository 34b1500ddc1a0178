import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { LitterFolder } from './blobs.ts';
import { end, launch } from './run.ts';
import { createStores } from './stores.ts';
import { until } from './until.ts';

const main = resolve(import.meta.dirname, '../../src/main.ts');

/** A berth in a process of its own: it can be killed. Its port and its data stay the same over restarts. */
export interface BerthProcess {
  readonly url: string;
  /** `localhost:PORT`, as clients want it. */
  readonly host: string;
  readonly port: number;
  readonly directory: string;
  /** The `BERTH_*` variables that it runs with, but for its port. */
  readonly environment: Readonly<Record<string, string>>;
  /** Everything it has printed. */
  log(): string;
  pid(): number;
  start(): Promise<void>;
  /** Resolves to the exit code when it is gone. */
  kill(signal: NodeJS.Signals): Promise<number | null>;
  /** Names of the files beside the objects. */
  litter(folder: LitterFolder): Promise<readonly string[]>;
  /** Ends it and removes its data. */
  dispose(): Promise<void>;
}

/** `flags`: of Node.js. `openFiles`: files and connections that it may have open. */
export async function startBerthProcess(
  settings: Readonly<Record<string, string>> = {},
  flags: readonly string[] = [],
  openFiles?: number,
): Promise<BerthProcess> {
  const directory = await mkdtemp(join(tmpdir(), 'berth-process-'));
  const stores = await createStores();
  const environment = {
    BERTH_STORAGE_BLOBS_DIRECTORY: directory,
    BERTH_LOG_FORMAT: 'json',
    ...stores.settings,
    ...settings,
  };
  let port = 0;
  let printed = '';
  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    const env = { ...process.env, BERTH_LISTEN: `127.0.0.1:${port}`, ...environment };
    const from = printed.length;
    const command = [process.execPath, '--disable-warning=ExperimentalWarning', ...flags, main, 'serve'];
    // prlimit becomes the program, with the same process id.
    const [program = '', ...args] = openFiles === undefined ? command : ['prlimit', `--nofile=${openFiles}`, ...command];
    child = launch(program, args, (text) => (printed += text), env);
    const started = child;
    await until(() => {
      if (started.exitCode !== null) throw new Error(`berth did not start:\n${printed.slice(from)}`);
      return printed.slice(from).includes('berth is listening');
    });
    port = Number(/"url":"http:\/\/[^"]*:(\d+)"/.exec(printed.slice(from))?.[1]);
  }

  await start().catch(async (error: unknown) => {
    if (child) await end(child);
    throw error;
  });
  return {
    get url() {
      return `http://127.0.0.1:${port}`;
    },
    get host() {
      return `localhost:${port}`;
    },
    get port() {
      return port;
    },
    directory,
    environment,
    log: () => printed,
    pid: () => child?.pid ?? 0,
    start,
    kill: (signal) => (child ? end(child, signal) : Promise.resolve(null)),
    litter: (folder) => stores.litter(folder, directory),
    async dispose() {
      if (child) await end(child);
      await stores.dispose();
      await rm(directory, { recursive: true, maxRetries: 5 });
    },
  };
}
