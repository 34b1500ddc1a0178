import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { loadConfig } from '../../config/load.ts';
import { openBlobStore } from '../../src/assembly/blob-store.ts';
import { createExistenceCache } from '../../src/content/existence-cache.ts';
import { type BlobDriver, StorageError } from '../../storage/blobs/driver.ts';
import { blobKey } from '../../storage/blobs/layout.ts';
import { readAll } from '../../storage/blobs/missing.ts';
import { type TestBerth, startBerth } from '../support/berth.ts';
import { s3Settings } from '../support/blobs.ts';
import { call } from '../support/call.ts';
import { type FakeUpstream, startFakeUpstream } from '../support/fake-upstream.ts';
import { digestOf, pushBlob, pushImage, putManifest, startUpload } from '../support/images.ts';
import { startMirror } from '../support/mirror.ts';
import { describeWith } from '../support/requires.ts';
import { type TestBucket, createBucket, s3Programs } from '../support/s3-server.ts';
import { until } from '../support/until.ts';
import type { Digest } from '../../src/oci/digest.ts';

/** What a broken disk or a careless rule of a bucket does. */
async function lose({ environment }: TestBerth, digest: Digest): Promise<void> {
  const driver = await openBlobStore(loadConfig({ file: undefined, environment }).storage.blobs);
  await driver.stat(blobKey(digest));
  await driver.delete([blobKey(digest)]);
  await driver.close();
}

/** What a bad restore, a full disk or a damaged file system does. */
async function damage({ environment }: TestBerth, digest: Digest, change: (bytes: Buffer) => Buffer): Promise<void> {
  const driver = await openBlobStore(loadConfig({ file: undefined, environment }).storage.blobs);
  const object = await driver.read(blobKey(digest));
  const bytes = await readAll(object);
  await object.close();
  await driver.put(blobKey(digest), change(bytes));
  await driver.close();
}

const sizeDamages: [string, (bytes: Buffer) => Buffer][] = [
  ['empty', () => Buffer.alloc(0)],
  ['shorter', (bytes) => bytes.subarray(0, bytes.length - 1)],
  ['longer', (bytes) => Buffer.concat([bytes, Buffer.from('more')])],
];
const flipped = (bytes: Buffer) => Buffer.concat([bytes.subarray(0, -1), Buffer.from([(bytes.at(-1) ?? 0) ^ 1])]);

describe('pushed content that is damaged in the blob store', () => {
  let berth: TestBerth;
  const bytes = randomBytes(200_000);
  const digest = digestOf(bytes);
  const path = `/v2/app/blobs/${digest}`;
  beforeEach(async () => {
    berth = await startBerth();
  });
  afterEach(() => berth.close());

  const pull = (headers = {}) => call(berth, 'GET', path, { headers });
  const mount = () => call(berth, 'POST', `/v2/other/blobs/uploads/?mount=${digest}&from=app`, { body: '' });

  test.each(sizeDamages)('a blob whose file is %s is missing content until it is pushed again', async (_how, change) => {
    await pushBlob(berth, 'app', bytes);
    await damage(berth, digest, change);
    expect([(await call(berth, 'HEAD', path)).status, (await mount()).status]).toEqual([404, 202]);
    for (const headers of [{}, { Range: 'bytes=0-9' }, { Range: 'bytes=199990-' }, { Range: 'bytes=0-1,5-6' }]) {
      const answer = await pull(headers);
      expect([answer.status, answer.codes(), answer.headers['content-range']]).toEqual([500, ['INTERNAL'], undefined]);
      expect(answer.body.toString()).toMatch(/push it again, or restore it from a backup/);
    }
    await pushBlob(berth, 'app', bytes);
    expect([(await call(berth, 'HEAD', path)).status, (await pull()).body.equals(bytes), (await mount()).status]).toEqual([
      200,
      true,
      201,
    ]);
  });

  test('a blob of the right size with other bytes is replaced when it is pushed again', async () => {
    await pushBlob(berth, 'app', bytes);
    await damage(berth, digest, flipped);
    const location = await startUpload(berth, 'app');
    expect((await call(berth, 'PATCH', location, { body: bytes })).status).toBe(202);
    expect((await call(berth, 'PUT', `${location}?digest=${digest}`, { body: '' })).status).toBe(201);
    expect((await pull()).body.equals(bytes)).toBe(true);
  });

  test.each([...sizeDamages, ['altered', flipped]] as const)(
    'a manifest whose bytes are %s is missing content until it is pushed again',
    async (_how, change) => {
      const { digest, manifest } = await pushImage(berth, 'app', '1');
      await damage(berth, digest, change);
      for (const reference of ['1', digest]) {
        expect((await call(berth, 'HEAD', `/v2/app/manifests/${reference}`)).status).toBe(404);
        const answer = await call(berth, 'GET', `/v2/app/manifests/${reference}`);
        expect([answer.status, answer.codes()]).toEqual([500, ['INTERNAL']]);
        expect(answer.body.toString()).toMatch(/push it again, or restore it from a backup/);
      }
      expect((await putManifest(berth, 'app', '1', manifest)).status).toBe(201);
      expect((await call(berth, 'HEAD', '/v2/app/manifests/1')).status).toBe(200);
      expect((await call(berth, 'GET', '/v2/app/manifests/1')).body.toString()).toBe(manifest);
    },
  );
});

describe('pushed content that is missing in the blob store', () => {
  let berth: TestBerth;
  beforeEach(async () => {
    berth = await startBerth();
  });
  afterEach(() => berth.close());

  test('a pull of a blob is an error that says so, and a push repairs it', async () => {
    const bytes = randomBytes(1000);
    const digest = digestOf(bytes);
    const path = `/v2/app/blobs/${digest}`;
    await pushBlob(berth, 'app', bytes);
    await lose(berth, digest);
    const lost = await call(berth, 'GET', path);
    expect([lost.status, lost.codes()]).toEqual([500, ['INTERNAL']]);
    expect(lost.body.toString()).toContain(`the bytes of ${digest} are gone from the blob store: push it again`);
    expect((await call(berth, 'HEAD', path)).status).toBe(404);
    expect((await call(berth, 'POST', `/v2/other/blobs/uploads/?mount=${digest}&from=app`, { body: '' })).status).toBe(202);
    await pushBlob(berth, 'app', bytes);
    expect((await call(berth, 'HEAD', path)).status).toBe(200);
    expect((await call(berth, 'GET', path)).body.equals(bytes)).toBe(true);
  });

  test('a pull of a manifest is an error that says so, and a push repairs it', async () => {
    const { digest, manifest } = await pushImage(berth, 'app', '1');
    await lose(berth, digest);
    for (const reference of ['1', digest]) {
      const lost = await call(berth, 'GET', `/v2/app/manifests/${reference}`);
      expect([lost.status, lost.codes()]).toEqual([500, ['INTERNAL']]);
      expect(lost.body.toString()).toContain('push it again');
      expect((await call(berth, 'HEAD', `/v2/app/manifests/${reference}`)).status).toBe(404);
    }
    expect((await putManifest(berth, 'app', '1', manifest)).status).toBe(201);
    expect((await call(berth, 'HEAD', '/v2/app/manifests/1')).status).toBe(200);
    expect((await call(berth, 'GET', '/v2/app/manifests/1')).body.toString()).toBe(manifest);
  });
});

describe('mirrored content that is missing in the blob store', () => {
  let upstream: FakeUpstream;
  let berth: TestBerth;

  async function start(settings: Readonly<Record<string, string>> = {}): Promise<void> {
    upstream = await startFakeUpstream();
    berth = await startMirror({ upstreams: { 'ghcr.io': { url: upstream.url } } }, settings);
  }
  afterEach(async () => {
    await Promise.all([berth.close(), upstream.close()]);
  });

  const get = (path: string) => call(berth, 'GET', `/v2/ghcr.io/o/i/${path}`);

  test('a manifest is fetched again, by tag and by digest', async () => {
    await start();
    for (const tag of ['by-tag', 'by-digest']) {
      const { digest, manifest } = upstream.addImage('o/i', tag);
      await get(`manifests/${tag}`);
      await lose(berth, digest);
      const again = await get(`manifests/${tag === 'by-tag' ? tag : digest}`);
      expect([again.status, again.body.toString()]).toEqual([200, manifest]);
      expect((await get(`manifests/${tag}`)).body.toString()).toBe(manifest);
    }
    expect(upstream.count('GET', /manifests/)).toBe(4);
  });

  test.each([...sizeDamages, ['altered', flipped]] as const)(
    'a manifest whose bytes are %s is fetched again',
    async (_how, change) => {
      await start();
      const { digest, manifest } = upstream.addImage('o/i', '1');
      await get('manifests/1');
      await damage(berth, digest, change);
      expect((await get('manifests/1')).body.toString()).toBe(manifest);
      berth = await berth.restart();
      expect((await get(`manifests/${digest}`)).body.toString()).toBe(manifest);
      expect(upstream.count('GET', /manifests/)).toBe(2);
    },
  );

  test.each(sizeDamages)('a blob whose file is %s is fetched again', async (_how, change) => {
    await start();
    const bytes = randomBytes(200_000);
    const digest = upstream.addBlob('o/i', bytes);
    const pull = () => get(`blobs/${digest}`);
    await pull();
    await until(async () => (await pull()).headers['x-mirror-cache'] === 'HIT');
    await damage(berth, digest, change);
    expect((await pull()).body.equals(bytes)).toBe(true);
    await until(async () => (await pull()).headers['x-mirror-cache'] === 'HIT');
    expect((await pull()).body.equals(bytes)).toBe(true);
    expect(upstream.count('GET', /blobs/)).toBe(2);
  });

  describeWith(s3Programs, 'with redirects to a bucket', () => {
    let bucket: TestBucket;
    beforeEach(async () => {
      bucket = await createBucket();
      await start({ ...s3Settings(bucket), BERTH_STORAGE_BLOBS_S3_REDIRECT: 'true' });
    }, 180_000);
    afterEach(() => bucket.remove());

    test('no client is redirected to a pushed blob that is missing', async () => {
      const bytes = randomBytes(1000);
      const digest = await pushBlob(berth, 'app', bytes);
      const path = `/v2/app/blobs/${digest}`;
      await lose(berth, digest);
      const lost = await call(berth, 'GET', path);
      expect([lost.status, lost.codes()]).toEqual([500, ['INTERNAL']]);
      expect(lost.body.toString()).toContain('push it again, or restore it from a backup');
      expect((await call(berth, 'HEAD', path)).status).toBe(404);
      await pushBlob(berth, 'app', bytes);
      expect((await call(berth, 'GET', path)).status).toBe(307);
    });

    test('no client is redirected to a mirrored blob that is missing', async () => {
      const bytes = randomBytes(1000);
      const digest = upstream.addBlob('o/i', bytes);
      const kept = () => call(berth, 'HEAD', `/v2/ghcr.io/o/i/blobs/${digest}`);
      await get(`blobs/${digest}`);
      await until(async () => (await kept()).headers['x-mirror-cache'] === 'HIT');
      await lose(berth, digest);
      const again = await get(`blobs/${digest}`);
      expect([again.status, again.body.equals(bytes)]).toEqual([200, true]);
      await until(async () => (await get(`blobs/${digest}`)).status === 307);
      const answer = await fetch((await get(`blobs/${digest}`)).header('location'));
      expect(Buffer.from(await answer.arrayBuffer()).equals(bytes)).toBe(true);
      expect(upstream.count('GET', /blobs/)).toBe(2);
    });
  });
});

test('a blob counts as present for five minutes after a check, unless it is found missing before', async () => {
  let time = 1_000_000;
  let looks = 0;
  let isThere = true;
  const driver = {
    stat() {
      looks++;
      return isThere ? Promise.resolve({ sizeBytes: 5 }) : Promise.reject(new StorageError('not_found', 'gone'));
    },
  } as unknown as BlobDriver;
  const existence = createExistenceCache({ driver, now: () => time });
  const look = (sizeBytes = 5) => existence.has(digestOf('1'), sizeBytes);
  expect([await look(6), await look(), await look(), looks]).toEqual([false, true, true, 2]);
  isThere = false;
  time += 299_999;
  expect([await look(), looks]).toEqual([true, 2]);
  time += 1;
  expect([await look(), await look(), looks]).toEqual([false, false, 4]);
  isThere = true;
  await look();
  existence.forget(digestOf('1'));
  isThere = false;
  expect(await look()).toBe(false);
});
