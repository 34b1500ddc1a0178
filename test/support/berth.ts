import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../../config/load.ts';
import { type App, createApp } from '../../src/app.ts';
import { type Log, createLog } from '../../src/observability/log.ts';
import type { LitterFolder } from './blobs.ts';
import { type TestStores, createStores } from './stores.ts';

/** A berth in this process, on a free port, over a folder of its own. */
export interface TestBerth {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly directory: string;
  /** The `BERTH_*` variables that it runs with. */
  readonly environment: Readonly<Record<string, string>>;
  /** Names of the files beside the objects. */
  litter(folder: LitterFolder): Promise<readonly string[]>;
  /** Closes it and opens it again over the same data, on another port. */
  restart(): Promise<TestBerth>;
  close(): Promise<void>;
}

/** `settings` are `BERTH_*` variables. */
export async function startBerth(
  settings: Readonly<Record<string, string>> = {},
  log: Log = createLog({ level: 'silent', format: 'json' }).log,
): Promise<TestBerth> {
  return open(await mkdtemp(join(tmpdir(), 'berth-test-')), await createStores(), settings, log);
}

async function open(
  directory: string,
  stores: TestStores,
  settings: Readonly<Record<string, string>>,
  log: Log,
): Promise<TestBerth> {
  const environment = {
    BERTH_LISTEN: '127.0.0.1:0',
    BERTH_STORAGE_BLOBS_DIRECTORY: directory,
    BERTH_SHUTDOWN_GRACE: '1s',
    ...stores.settings,
    ...settings,
  };
  const app: App = await createApp(loadConfig({ file: settings['BERTH_CONFIG'], environment }), log);
  const url = await app.listen();
  const { hostname, port } = new URL(url);
  return {
    url,
    host: hostname,
    port: Number(port),
    directory,
    environment,
    litter: (folder) => stores.litter(folder, directory),
    async restart() {
      await app.close();
      return open(directory, stores, settings, log);
    },
    async close() {
      await app.close();
      await stores.dispose();
      await rm(directory, { recursive: true, maxRetries: 5 });
    },
  };
}
