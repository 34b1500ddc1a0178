import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ConfigError } from '../../../config/config-error.ts';
import { loadConfig } from '../../../config/load.ts';
import type { Config } from '../../../config/schema.ts';
import { type App, createApp } from '../../../src/app.ts';
import { createReloader } from '../../../src/assembly/reload/reloader.ts';
import { createReload } from '../../../src/cli/serve/reload.ts';
import { createLogOn } from '../../../src/observability/log.ts';
import { startBerthProcess } from '../../support/berth-process.ts';
import { call } from '../../support/call.ts';
import { digestOf, startUpload } from '../../support/images.ts';
import { createStores } from '../../support/stores.ts';
import { until } from '../../support/until.ts';

const load = (environment: Readonly<Record<string, string>>) => loadConfig({ environment });

describe('the reloader', () => {
  const start = () => {
    const used: Config[] = [];
    const part = (keys: readonly string[], check: (next: Config) => void = () => undefined) => ({
      keys,
      prepare(next: Config) {
        check(next);
        return () => void used.push(next);
      },
    });
    const refuse = ({ log }: Config) => {
      if (log.level === 'debug') throw new ConfigError(['log.level may not be debug here']);
    };
    return { used, reloader: createReloader(load({}), [part(['limits', 'uploads.maxSize']), part(['log.level'], refuse)]) };
  };

  test('names the keys that it applies and those that need a restart, without their values', async () => {
    const { reloader, used } = start();
    const next = load({
      BERTH_LIMITS_PULLS_PER_ADDRESS: '5/1h',
      BERTH_UPLOADS_MAX_SIZE: '1MiB',
      BERTH_UPLOADS_MAX_OPEN_FILES: '9',
      BERTH_METRICS_TOKEN: 'very secret',
      BERTH_MIRROR_UPSTREAMS_DOCKER_IO_PASSWORD: 'very secret',
    });
    expect(await reloader.reload(next)).toEqual({
      applied: ['limits.pulls.perAddress', 'uploads.maxSize'],
      needsRestart: ['metrics.token', 'mirror.upstreams.docker.io.password', 'uploads.maxOpenFiles'],
    });
    expect(used).toEqual([next, next]);
    // What needs a restart is named again; what is applied is not.
    expect((await reloader.reload(next)).applied).toEqual([]);
    expect((await reloader.reload(next)).needsRestart).toHaveLength(3);
    expect(await reloader.reload(load({}))).toEqual({
      applied: ['limits.pulls.perAddress', 'uploads.maxSize'],
      needsRestart: [],
    });
  });

  test('changes nothing if one part cannot use the configuration', async () => {
    const { reloader, used } = start();
    const next = load({ BERTH_LIMITS_PULLS_PER_ADDRESS: '5/1h', BERTH_LOG_LEVEL: 'debug' });
    await expect(reloader.reload(next)).rejects.toThrow('log.level may not be debug here');
    expect(used).toEqual([]);
    expect((await reloader.reload(load({ BERTH_LOG_LEVEL: 'warn' }))).applied).toEqual(['log.level']);
  });
});

test('an invalid configuration is logged with all errors and changes nothing, and the next one is used', async () => {
  const lines: unknown[] = [];
  const log = {
    info: (fields: object, message: string) => lines.push(['info', fields, message]),
    warn: (fields: object, message: string) => lines.push(['warn', fields, message]),
    error: (fields: object, message: string) => lines.push(['error', fields, message]),
  };
  let environment: Record<string, string> = { BERTH_WORKERS: 'many', BERTH_LOG_LEVEL: 'loud' };
  const applied: Config[] = [];
  const reload = createReload({
    load: () => Promise.resolve().then(() => load(environment)),
    apply(next) {
      applied.push(next);
      return Promise.resolve({ applied: ['log.level'], needsRestart: ['workers'] });
    },
    log: log as never,
  });
  await reload();
  expect(applied).toEqual([]);
  expect(lines).toEqual([
    [
      'error',
      { errors: [expect.stringContaining('workers must be'), expect.stringContaining('log.level must be')] },
      expect.any(String),
    ],
  ]);
  environment = { BERTH_LOG_LEVEL: 'warn' };
  await Promise.all([reload(), reload()]);
  expect(applied).toHaveLength(2);
  expect(lines.slice(1, 3)).toEqual([
    ['info', { applied: ['log.level'] }, 'the configuration was reloaded'],
    ['warn', { needsRestart: ['workers'] }, 'these settings have changed and need a restart'],
  ]);
});

describe('a running server', () => {
  let directory: string;
  let stores: Awaited<ReturnType<typeof createStores>>;
  let app: App;
  let berth: { readonly url: string };
  let environment: Readonly<Record<string, string>>;
  const lines: string[] = [];

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'berth-reload-'));
    stores = await createStores();
    environment = { BERTH_LISTEN: '127.0.0.1:0', BERTH_STORAGE_BLOBS_DIRECTORY: directory, ...stores.settings };
    app = await createApp(load(environment), createLogOn({ write: (line) => void lines.push(line) }, { level: 'warn' }));
    berth = { url: await app.listen() };
  });
  afterAll(async () => {
    await app.close();
    await stores.dispose();
    await rm(directory, { recursive: true });
  });

  const reload = (settings: Readonly<Record<string, string>>) => app.reload(load({ ...environment, ...settings }));

  test('takes rate limits, the size of uploads, read-only mode and the level of the log', async () => {
    expect((await reload({ BERTH_LIMITS_REQUESTS_PER_ADDRESS: '1/1h' })).applied).toEqual(['limits.requests.perAddress']);
    expect((await call(berth, 'GET', '/v2/')).status).toBe(200);
    expect((await call(berth, 'GET', '/v2/')).status).toBe(429);
    // A raised limit holds at once, although the old one was used up.
    await reload({ BERTH_LIMITS_REQUESTS_PER_ADDRESS: '2/1h' });
    expect([(await call(berth, 'GET', '/v2/')).status, (await call(berth, 'GET', '/v2/')).status]).toEqual([200, 429]);

    await reload({ BERTH_UPLOADS_MAX_SIZE: '2B', BERTH_LOG_LEVEL: 'info' });
    expect((await call(berth, 'POST', `/v2/app/blobs/uploads/?digest=${digestOf('abc')}`, { body: 'abc' })).status).toBe(413);
    await until(() => lines.some((line) => line.includes('/v2/app/blobs/uploads/')));

    const before = lines.length;
    await reload({ BERTH_READ_ONLY: 'true', BERTH_LOG_LEVEL: 'error' });
    await expect(startUpload(berth, 'app')).rejects.toThrow('405');
    await reload({ BERTH_LOG_LEVEL: 'error' });
    await startUpload(berth, 'app');
    expect(lines.slice(before).filter((line) => line.includes('"msg":"request"'))).toEqual([]);
  });
});

test('SIGHUP reloads all workers, an invalid file changes nothing, and the log says what needs a restart', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'berth-sighup-'));
  const file = join(folder, 'berth.yaml');
  await writeFile(file, '{}\n');
  const berth = await startBerthProcess({ BERTH_CONFIG: file, BERTH_WORKERS: '2' });
  const logged = (text: string) =>
    berth
      .log()
      .split('\n')
      .filter((line) => line.includes(text));
  try {
    await writeFile(file, 'limits: { requests: { perAddress: 2/1h } }\nmirror: { maxSize: 10GiB }\n');
    process.kill(berth.pid(), 'SIGHUP');
    await until(() => logged('"applied":["limits.requests.perAddress"]').length === 2);
    await until(() => logged('"needsRestart":["mirror.maxSize"]').length === 2);
    const statuses = [];
    for (let sent = 0; sent < 3; sent++) statuses.push((await call(berth, 'GET', '/v2/')).status);
    expect(statuses).toEqual([200, 200, 429]);

    await writeFile(file, 'limits: { requests: { perAddress: often } }\n');
    process.kill(berth.pid(), 'SIGHUP');
    await until(() => logged('the configuration was not reloaded: nothing has changed').length === 1);
    expect(logged('the configuration was not reloaded')[0]).toContain('limits.requests.perAddress must be a number of requests');
    expect((await call(berth, 'GET', '/v2/')).status).toBe(429);
  } finally {
    await berth.dispose();
    await rm(folder, { recursive: true });
  }
});
