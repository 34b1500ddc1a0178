import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { classify } from '../../src/http/errors/classify.ts';
import { StorageError } from '../../storage/blobs/driver.ts';
import { createLogOn } from '../../src/observability/log.ts';
import { type Query, concurrentWrite, run as runStatement } from '../../storage/metadata/queries/steps/query.ts';
import { type Connection, connect } from '../../storage/metadata/sqlite/connection.ts';
import { commitTogether } from '../../storage/metadata/sqlite/group-commit.ts';
import { createSqliteStore } from '../../storage/metadata/sqlite/sqlite-store.ts';
import { MetadataError } from '../../storage/metadata/store.ts';
import { createWriteHealth } from '../../storage/metadata/write-health.ts';
import { type TestBerth, startBerth } from '../support/berth.ts';
import { call } from '../support/call.ts';
import { digestOf, newImage, pushBlob, pushBlobs, pushImage, putManifest, startUpload } from '../support/images.ts';
import { run } from '../support/run.ts';
import { until } from '../support/until.ts';

const isRoot = process.getuid?.() === 0;
if (!isRoot) process.stderr.write('skipping "a read-only file system": only root can mount one\n');

(isRoot ? describe : describe.skip)('a file system that has turned read-only', () => {
  let disk: string;
  let folder: string;
  let settings: Readonly<Record<string, string>>;
  const remount = (mode: 'ro' | 'rw') => run('mount', ['-o', `remount,${mode}`, disk]);

  beforeEach(async () => {
    disk = await mkdtemp(join(tmpdir(), 'berth-disk-'));
    folder = await mkdtemp(join(tmpdir(), 'berth-metadata-'));
    await run('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', disk]);
    settings = {
      BERTH_STORAGE_BLOBS_DRIVER: 'filesystem',
      BERTH_STORAGE_METADATA_DRIVER: 'sqlite',
      BERTH_STORAGE_BLOBS_DIRECTORY: disk,
      BERTH_STORAGE_METADATA_FILE: join(folder, 'metadata.sqlite'),
    };
  });
  afterEach(async () => {
    // The threads of a start that has failed may still close their files.
    await until(() =>
      run('umount', [disk]).then(
        () => true,
        () => false,
      ),
    );
    await rm(disk, { recursive: true });
    await rm(folder, { recursive: true });
  });

  async function whileReadOnly(berth: TestBerth): Promise<void> {
    const reason = 'its file system is read-only';
    const blob = randomBytes(1000);
    const uploads = '/v2/app/blobs/uploads/';
    const answers = [
      await call(berth, 'POST', `${uploads}?digest=${digestOf(blob)}`, { body: blob }),
      await call(berth, 'PATCH', await startUpload(berth, 'app'), { body: blob }),
    ];
    for (const answer of answers) {
      expect([answer.status, answer.codes(), answer.header('retry-after')]).toEqual([503, ['UNAVAILABLE'], '5']);
      expect(answer.body.toString()).toContain(reason);
      expect(answer.body.toString()).not.toContain(disk);
    }
    const ready = await call(berth, 'GET', '/readyz');
    expect([ready.status, ready.body.toString()]).toEqual([503, expect.stringContaining('read-only file system')]);
    const metrics = (await call(berth, 'GET', '/metrics')).body.toString();
    expect(metrics).toMatch(/^berth_store_call_seconds_count{[^}]*store="blobs"[^}]*outcome="denied"[^}]*} [1-9]/m);
  }

  test('writes to a read-only disk are answered with 503 and the reason, pulls continue, and pushes work again afterwards', async () => {
    let logged = '';
    const berth = await startBerth(settings, createLogOn({ write: (line) => void (logged += line) }, { level: 'error' }));
    const kept = await pushImage(berth, 'app', 'kept');
    const next = newImage();
    await pushBlobs(berth, 'app', next);
    await remount('ro');
    await whileReadOnly(berth);
    const refused = await putManifest(berth, 'app', 'next', next.manifest);
    expect([refused.status, refused.codes()]).toEqual([503, ['UNAVAILABLE']]);
    expect(logged).toMatch(/"url":"\/v2\/app\/manifests\/next","status":503.*"reason":"[^"]*EROFS: read-only file system/);
    expect((await call(berth, 'GET', `/v2/app/blobs/${digestOf(kept.layer)}`)).body.equals(kept.layer)).toBe(true);
    await remount('rw');
    expect((await call(berth, 'GET', '/readyz')).status).toBe(200);
    await pushBlob(berth, 'app', randomBytes(1000));
    expect((await putManifest(berth, 'app', 'next', next.manifest)).status).toBe(201);
    await berth.close();
  });

  test('a start on a read-only disk reports it', async () => {
    await (await startBerth(settings)).close();
    await remount('ro');
    await expect(startBerth(settings)).rejects.toThrow(/cannot use the directory .*: EROFS: read-only file system/);
    await remount('rw');
  });

  test('a start with the metadata file on a read-only disk names the file', async () => {
    const file = join(disk, 'metadata.sqlite');
    await (await createSqliteStore({ file })).close();
    await remount('ro');
    await expect(createSqliteStore({ file })).rejects.toThrow(/metadata\.sqlite cannot be written: EROFS: read-only file system/);
  });
});

test.each([
  ['EACCES', 'permission denied'],
  ['EPERM', 'operation not permitted'],
  ['AccessDenied', 'access denied'],
])('a store that refuses with %s is 503 with the reason', (code, reason) => {
  const cause = Object.assign(new Error('/data/secret-path'), { code });
  expect(classify(new StorageError('denied', 'put: /data/secret-path', { cause }))).toMatchObject({
    status: 503,
    headers: { 'Retry-After': '5' },
    message: `the registry cannot use its storage: ${reason}`,
  });
});

describe('a database that turns read-only, or full, in the middle', () => {
  let folder: string;
  let connection: Connection;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'berth-commit-'));
    connection = connect(join(folder, 'metadata.sqlite'), { readOnly: false });
    connection.execute('CREATE TABLE numbers (number BLOB) STRICT');
  });
  afterEach(async () => {
    connection.close();
    await rm(folder, { recursive: true });
  });

  /** Commits one row for each size together. Returns the code of each failure. */
  const codesOf = (...sizes: readonly number[]) => {
    const operation = concurrentWrite(function* (size: number): Query<void> {
      yield* runStatement('INSERT INTO numbers (number) VALUES (zeroblob(?))', size);
    });
    const writes = sizes.map((size, id) => ({ request: { id, operation: 'numbers.add', args: [size as never] }, operation }));
    return commitTogether(connection, writes).map((reply) => ('error' in reply ? reply.error.code : undefined));
  };

  test('writes to a read-only database are denied, and succeed when it can be written again', () => {
    expect(codesOf(10)).toEqual([undefined]);
    connection.execute('PRAGMA query_only = ON');
    expect(codesOf(10, 20)).toEqual(['denied', 'denied']);
    connection.execute('PRAGMA query_only = OFF');
    expect(codesOf(10)).toEqual([undefined]);
  });

  test('every write of a transaction that found no space says so, and the next ones succeed when there is space', () => {
    connection.execute('PRAGMA max_page_count = 10');
    expect(codesOf(10, 1_000_000, 20)).toContain('no_space');
    expect(codesOf(1_000_000)).toEqual(['no_space']);
    connection.execute('PRAGMA max_page_count = 10000');
    expect(codesOf(10, 1_000_000, 20)).toEqual([undefined, undefined, undefined]);
  });

  test('a transaction that SQLite has rolled back fails with the reason of that, for each of its writes', () => {
    const reason = new MetadataError('no_space', 'the metadata store has no space left');
    const broken: Connection = {
      ...connection,
      drive: () => {
        connection.execute('ROLLBACK');
        throw reason;
      },
    };
    const operation = concurrentWrite(function* (): Query<void> {
      yield* runStatement('SELECT 1');
    });
    const writes = [1, 2].map((id) => ({ request: { id, operation: 'numbers.add', args: [] }, operation }));
    const error = { code: 'no_space', message: reason.message };
    expect(commitTogether(broken, writes)).toEqual([1, 2].map((id) => ({ id, error })));
    expect(codesOf(10)).toEqual([undefined]);
  });
});

test('after a failed write, checks of a store write until that succeeds, and cost nothing otherwise', async () => {
  let tries = 0;
  let refusal: Error | undefined;
  const health = createWriteHealth(() => (tries++, refusal ? Promise.reject(refusal) : Promise.resolve()));
  const fail = (error: Error) => Promise.reject(error).catch(health.failed);
  await expect(fail(new MetadataError('not_empty', 'about the data'))).rejects.toThrow('about the data');
  await health.check();
  expect(tries).toBe(0);
  refusal = new MetadataError('denied', 'read-only');
  await expect(fail(refusal)).rejects.toThrow('read-only');
  await expect(health.check()).rejects.toThrow('read-only');
  refusal = undefined;
  await health.check();
  await health.check();
  expect(tries).toBe(2);
});
