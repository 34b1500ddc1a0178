import { cp, mkdir, mkdtemp, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { loadConfig } from '../../config/load.ts';
import { createApp } from '../../src/app.ts';
import { createLog } from '../../src/observability/log.ts';
import { createSqliteStore } from '../../storage/metadata/sqlite/sqlite-store.ts';
import { type TestBerth, startBerth } from '../support/berth.ts';
import { call } from '../support/call.ts';
import { pushImage } from '../support/images.ts';

/** The data folder of a berth that was killed: the -wal file still holds everything. */
let killed: string;
let directory: string;

beforeAll(async () => {
  killed = await mkdtemp(join(tmpdir(), 'berth-killed-'));
  const running = await mkdtemp(join(tmpdir(), 'berth-running-'));
  const berth = await start(running);
  await pushImage(berth, 'app', '1');
  await cp(running, killed, { recursive: true });
  await berth.close();
  await rm(running, { recursive: true });
});
afterAll(() => rm(killed, { recursive: true }));
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-lost-'));
  await cp(killed, directory, { recursive: true });
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const stores = { BERTH_STORAGE_BLOBS_DRIVER: 'filesystem', BERTH_STORAGE_METADATA_DRIVER: 'sqlite' };
const start = (folder: string): Promise<TestBerth> => startBerth({ ...stores, BERTH_STORAGE_BLOBS_DIRECTORY: folder });

/** The error of a start over the folder. */
async function refusal(folder: string = directory): Promise<Error> {
  const environment = { ...stores, BERTH_LISTEN: '127.0.0.1:0', BERTH_STORAGE_BLOBS_DIRECTORY: folder };
  const { log } = createLog({ level: 'silent', format: 'json' });
  return createApp(loadConfig({ file: undefined, environment }), log).then(
    async (app) => {
      await app.close();
      return new Error('it started');
    },
    (error: unknown) => error as Error,
  );
}

const file = (suffix = '') => join(directory, `metadata.sqlite${suffix}`);
const remove = (...suffixes: string[]) => Promise.all(suffixes.map((suffix) => rm(file(suffix), { force: true })));

/** Everything recorded is in the file itself, as after a shutdown. */
function checkpoint(): void {
  const database = new DatabaseSync(file());
  database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  database.close();
}

test('after a crash berth starts with its -wal file, and everything is there', async () => {
  const berth = await start(directory);
  expect((await call(berth, 'GET', '/v2/app/manifests/1')).status).toBe(200);
  await berth.close();
});

test.each<[string, () => Promise<unknown>, RegExp]>([
  ['does not exist', () => remove('', '-wal', '-shm'), /metadata\.sqlite does not exist/],
  ['is empty', () => Promise.all([truncate(file()), remove('-wal', '-shm')]), /metadata\.sqlite is empty/],
  ['has lost its -wal file', () => remove('-wal', '-shm'), /metadata\.sqlite has no tables \(its -wal file is missing\)/],
  ['has lost only its -wal file', () => remove('-wal'), /metadata\.sqlite has no tables/],
  [
    'has tables and no content',
    async () => {
      await remove('', '-wal', '-shm');
      await (await createSqliteStore({ file: file() })).close();
    },
    /metadata\.sqlite records no content/,
  ],
])('a start refuses blobs without their metadata: the file %s', async (_what, lose, message) => {
  await lose();
  const before = await readdir(directory);
  const error = await refusal();
  expect(error.message).toMatch(message);
  expect(error.message).toContain(directory);
  expect(error.message).toMatch(/restore a backup: berth restore latest.*storage\.metadata\.file.*storage\.blobs\.directory/s);
  expect(await readdir(directory)).toEqual(before);
});

test('a first push that was interrupted before its record does not prevent a start', async () => {
  await remove('', '-wal', '-shm');
  await rm(join(directory, 'docker'), { recursive: true });
  await (await createSqliteStore({ file: file() })).close();
  const folder = join(directory, 'docker/registry/v2/blobs/sha256/aa/aa');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'data'), 'unrecorded');
  await (await start(directory)).close();
});

test('a folder of registry:2 does not count as one without its metadata', async () => {
  await remove('', '-wal', '-shm');
  const tag = join(directory, 'docker/registry/v2/repositories/app/_manifests/tags/1/current');
  await mkdir(tag, { recursive: true });
  await writeFile(join(tag, 'link'), 'sha256:aa');
  await (await start(directory)).close();
});

test.each<[string, () => Promise<unknown>]>([
  ['is no database', () => writeFile(file(), 'x'.repeat(8192))],
  ['is cut off', async () => truncate(file(), (await stat(file())).size / 2)],
])('the start names a metadata file that %s, and how to repair it', async (_what, spoil) => {
  checkpoint();
  await remove('-wal', '-shm');
  await spoil();
  const { message } = await refusal();
  expect(message).toMatch(/metadata\.sqlite is damaged or is not a database of berth/);
  expect(message).toMatch(/restore the file from a backup.*\.recover/);
});

test('a data folder below /proc is refused at once', async () => {
  const { message } = await refusal('/proc/berth/data');
  expect(message).toMatch(/cannot use the directory \/proc\/berth\/data: ENOENT/);
});
