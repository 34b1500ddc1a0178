import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { loadConfig } from '../../config/load.ts';
import { type App, createApp } from '../../src/app.ts';
import { createLog } from '../../src/observability/log.ts';
import { lockOwner } from '../../storage/metadata/sqlite/owner-lock.ts';
import { type BerthProcess, startBerthProcess } from '../support/berth-process.ts';
import { call } from '../support/call.ts';
import { runCommand } from '../support/command.ts';
import { digestOf, startUpload } from '../support/images.ts';
import { until } from '../support/until.ts';

/** The stores that only one server may have. */
const embedded = { BERTH_STORAGE_BLOBS_DRIVER: 'filesystem', BERTH_STORAGE_METADATA_DRIVER: 'sqlite' };

describe('a data folder that is served by two workers', () => {
  let berth: BerthProcess;
  beforeAll(async () => {
    berth = await startBerthProcess({ ...embedded, BERTH_WORKERS: '2' });
  });
  afterAll(() => berth.dispose());

  const besides = (...words: string[]) => runCommand(words, { ...berth.environment, BERTH_LISTEN: '127.0.0.1:0' });

  test('a second berth serve is refused with the process id of the first, and does not touch its uploads', async () => {
    const bytes = randomBytes(200_000);
    const location = await startUpload(berth, 'app');
    await call(berth, 'PATCH', location, { body: bytes.subarray(0, 100_000) });
    const { code, stderr } = await besides('serve');
    expect(code).toBe(1);
    expect(stderr).toContain(`the data folder ${berth.directory} is in use by process ${berth.pid()} on `);
    await call(berth, 'PATCH', location, { body: bytes.subarray(100_000) });
    expect((await call(berth, 'PUT', `${location}?digest=${digestOf(bytes)}`, { body: '' })).status).toBe(201);
  });

  test('the same metadata with another blob store is refused too', async () => {
    const metadata = join(berth.directory, 'metadata.sqlite');
    const elsewhere = { BERTH_STORAGE_BLOBS_DIRECTORY: `${berth.directory}-other`, BERTH_STORAGE_METADATA_FILE: metadata };
    const { code, stderr } = await runCommand(['serve'], { ...berth.environment, ...elsewhere });
    expect(code).toBe(1);
    expect(stderr).toContain(`the metadata ${metadata} is in use by process ${berth.pid()} on `);
    await rm(`${berth.directory}-other`, { recursive: true });
  });

  test('a killed server does not own the folder any more', async () => {
    await berth.kill('SIGKILL');
    await berth.start();
    expect((await call(berth, 'GET', '/v2/')).status).toBe(200);
  });

  test('commands work beside the server', async () => {
    expect((await besides('user', 'add', 'anna')).code).toBe(0);
    expect((await besides('user', 'list')).stdout).toContain('anna');
  });
});

test('a lock ends by release only', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'berth-owner-'));
  const file = join(directory, 'owner.sqlite');
  const lock = lockOwner(file, 'the folder');
  expect(() => lockOwner(file, 'the folder')).toThrow(`the folder is in use by process ${process.pid} on `);
  expect(() => lockOwner(file, 'the folder')).toThrow('stop it first');
  lock.release();
  lock.release();
  lockOwner(file, 'the folder').release();
  await rm(directory, { recursive: true });
});

describe('files that a crash left', () => {
  let directory: string;
  let apps: App[];
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'berth-leftovers-'));
    apps = [];
    const longAgo = new Date(Date.now() - 3 * 60 * 60 * 1000);
    for (const [folder, name] of [
      ['growing/uploads%6f5a2ad0-0f3c-4d5b-8f0c-0c7a5e6b7d8e', 'closed'],
      ['temporary', 'elsewhere.1.run.old'],
    ] as const) {
      const file = join(directory, '.berth', folder, name);
      await mkdir(join(directory, '.berth', folder), { recursive: true });
      await writeFile(file, 'half');
      await utimes(file, longAgo, longAgo);
    }
  });
  afterEach(async () => {
    for (const app of apps) await app.close();
    await rm(directory, { recursive: true });
  });

  const litter = async () =>
    (await Promise.all(['growing', 'temporary'].map((folder) => readdir(join(directory, '.berth', folder))))).flat();

  async function open(address: string): Promise<App> {
    const environment = { ...embedded, BERTH_LISTEN: address, BERTH_STORAGE_BLOBS_DIRECTORY: directory };
    const app = await createApp(loadConfig({ environment }), createLog({ level: 'silent', format: 'json' }).log);
    apps.push(app);
    return app;
  }

  test('stay until berth listens, and are deleted while it serves', async () => {
    const app = await open('127.0.0.1:0');
    expect(await litter()).toHaveLength(2);
    const { host } = new URL(await app.listen());
    await until(async () => (await litter()).length === 0);
    // This one cannot listen.
    await writeFile(join(directory, '.berth/temporary/elsewhere.1.run.new'), 'half');
    const other = await open(host);
    await expect(other.listen()).rejects.toMatchObject({ code: 'EADDRINUSE' });
    expect(await litter()).toEqual(['elsewhere.1.run.new']);
  });
});
