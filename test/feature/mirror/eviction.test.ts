import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { loadConfig } from '../../../config/load.ts';
import { openMetadata } from '../../../src/assembly/metadata-store.ts';
import { openBlobStore } from '../../../src/assembly/blob-store.ts';
import { createEviction } from '../../../src/mirror/cache/eviction.ts';
import { createTrash, storeThenRecord } from '../../../src/content/trash.ts';
import { type BlobDriver, objectKey } from '../../../storage/blobs/driver.ts';
import { createFilesystemDriver } from '../../../storage/blobs/filesystem/filesystem-driver.ts';
import { blobKey } from '../../../storage/blobs/layout.ts';
import { putContent } from '../../../storage/blobs/missing.ts';
import { createSqliteStore } from '../../../storage/metadata/sqlite/sqlite-store.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { TestBerth } from '../../support/berth.ts';
import { call } from '../../support/call.ts';
import { type FakeUpstream, startFakeUpstream } from '../../support/fake-upstream.ts';
import { digestOf, newImage, pushBlob } from '../../support/images.ts';
import { startMirror } from '../../support/mirror.ts';
import { until } from '../../support/until.ts';
import { plain } from '../../support/plain.ts';

let upstream: FakeUpstream;
let berth: TestBerth;
beforeEach(async () => {
  upstream = await startFakeUpstream();
  berth = await startMirror({ upstreams: { 'ghcr.io': { url: upstream.url } }, maxSize: '1MiB' });
});
afterEach(async () => {
  await berth.close();
  await upstream.close();
});

const get = (digest: string, repository = 'o/i') => call(berth, 'GET', `/v2/ghcr.io/${repository}/blobs/${digest}`);
const blobBytes = 100_000;

/** What another process finds in the metadata store. */
async function ask<Result>(question: (store: MetadataStore) => Promise<Result>): Promise<Result> {
  const store = await openMetadata(loadConfig({ environment: berth.environment }));
  try {
    return await question(store);
  } finally {
    await store.close();
  }
}
/** What another process does in the blob store. */
async function inStore<Result>(work: (driver: BlobDriver) => Promise<Result>): Promise<Result> {
  const driver = await openBlobStore(loadConfig({ environment: berth.environment }).storage.blobs);
  try {
    return await work(driver);
  } finally {
    await driver.close();
  }
}
/** Kept, and on its way out. */
const countedBytes = () =>
  ask(async (store) => {
    const { contentBytes, transitBytes } = await store.mirrorSpace.size();
    return contentBytes + transitBytes;
  });

test('manifests that arrive at once never exceed the limit together', async () => {
  const manifests = Array.from({ length: 30 }, (_, index) => {
    const { manifest } = newImage({ annotations: { filler: randomBytes(blobBytes / 2).toString('hex') } });
    return { manifest, digest: upstream.addManifest('o/i', `t${index}`, manifest) };
  });
  const answers = await Promise.all(manifests.map(({ digest }) => call(berth, 'GET', `/v2/ghcr.io/o/i/manifests/${digest}`)));
  expect(answers.map(({ body }) => body.toString())).toEqual(manifests.map(({ manifest }) => manifest));
  const counted = await countedBytes();
  expect([counted > 0, counted <= 1024 * 1024]).toEqual([true, true]);
  expect(await ask((store) => store.mirrorSpace.listReservations(Date.now() + 60_000, false, 1))).toEqual([]);
});

test('when ten times the limit passes through, the oldest is evicted, and reused and pushed content stays', async () => {
  const pushed = randomBytes(blobBytes);
  await pushBlob(berth, 'own', pushed);
  upstream.addBlob('o/i', pushed);
  await get(digestOf(pushed));
  const favourite = upstream.addBlob('o/i', randomBytes(blobBytes));
  for (let count = 0; count < 100; count++) {
    const bytes = randomBytes(blobBytes);
    const answer = await get(upstream.addBlob('o/i', bytes));
    expect(answer.body.equals(bytes)).toBe(true);
    await get(favourite);
    if (count % 20 === 0) expect(await countedBytes()).toBeLessThanOrEqual(1024 * 1024);
  }
  expect(upstream.count('GET', new RegExp(favourite))).toBe(1);
  expect((await call(berth, 'GET', `/v2/own/blobs/${digestOf(pushed)}`)).body.equals(pushed)).toBe(true);
}, 240_000);

test('evicted content is fetched again', async () => {
  const first = upstream.addBlob('o/i', randomBytes(blobBytes));
  await get(first);
  const isKept = () => ask(async (store) => (await store.blobs.find(first)) !== undefined);
  // What is kept later than others is not the oldest.
  await until(isKept);
  for (let count = 0; count < 12; count++) await get(upstream.addBlob('o/i', randomBytes(blobBytes)));
  await until(async () => !(await isKept()), 30);
  expect((await get(first)).status).toBe(200);
  expect(upstream.count('GET', new RegExp(first))).toBe(2);
}, 60_000);

test('two repositories share one copy, and evicting it takes it from both', async () => {
  const bytes = randomBytes(blobBytes);
  const digest = upstream.addBlob('o/i', bytes);
  upstream.addBlob('o/other', bytes);
  await get(digest);
  await until(async () => (await get(digest, 'o/other')).headers['x-mirror-cache'] === 'HIT');
  expect(await countedBytes()).toBe(blobBytes);
  expect((await inStore((driver) => driver.stat(blobKey(digest)))).sizeBytes).toBe(blobBytes);
});

test('bytes are deleted a while after they were set aside, and put back when they are recorded again', async () => {
  const driver = await createFilesystemDriver({ directory: join(berth.directory, 'other') });
  const metadata = await createSqliteStore({ file: join(berth.directory, 'other.sqlite') });
  let time = 0;
  const trash = createTrash({ driver, metadata, now: () => time });
  const eviction = createEviction({
    metadata,
    trash,
    maxBytes: 10,
    keepFreeBytes: 0,
    disk: () => Promise.resolve(undefined),
    now: () => time,
    flushUses: () => Promise.resolve(),
    isInUse: () => false,
    events: { evicted: () => undefined, evictionFailed: () => undefined },
  });
  const [gone, back] = [digestOf('gone'), digestOf('back')];
  for (const [digest, bytes] of [
    [gone, 'gone'],
    [back, 'back'],
  ] as const) {
    await driver.put(blobKey(digest), Buffer.from(bytes));
    await plain(metadata).mirroredContent.recordBlob(
      [{ repository: 'ghcr.io/o/i', upstream: 'ghcr.io', byLogin: false }],
      digest,
      6,
      1,
    );
  }
  expect(await eviction.run()).toBe(6);
  await metadata.mirrorSpace.evict(gone, time);
  await metadata.mirrorSpace.evict(back, time);
  await trash.setAside(gone);
  await trash.setAside(back);
  await plain(metadata).blobs.commit('own', back, 4, 'no upload', 2);
  await trash.empty();
  expect((await driver.stat(blobKey(back))).sizeBytes).toBe(4);
  await expect(driver.stat(blobKey(gone))).rejects.toMatchObject({ code: 'not_found' });
  expect((await driver.stat(objectKey(`trash/${gone.replace(':', '/')}`))).sizeBytes).toBe(4);
  time += 2000;
  await trash.empty();
  expect(await readdir(join(berth.directory, 'other/trash/sha256')).catch(() => [])).toEqual([]);
  await driver.close();
  await metadata.close();
});

test('a push that is recorded late restores the bytes that were set aside, or stores them again', async () => {
  const driver = await createFilesystemDriver({ directory: join(berth.directory, 'other') });
  const metadata = await createSqliteStore({ file: join(berth.directory, 'other.sqlite') });
  const trash = createTrash({ driver, metadata, now: Date.now });
  const digest = digestOf('slow');
  let isLost = false;
  /** Loses the bytes once between the store and the record, and lets more time pass than a push may take. */
  const pushSlowly = (lose: () => Promise<unknown>) =>
    storeThenRecord(
      { driver, metadata, now: Date.now },
      {
        digest,
        store: () => putContent(driver, blobKey(digest), Buffer.from('slow')),
        async record() {
          if (isLost) return plain(metadata).blobs.commit('own', digest, 4, 'no upload', 1);
          isLost = true;
          await lose();
          const end = performance.now() + 1010;
          await until(() => performance.now() > end);
          return plain(metadata).blobs.commit('own', digest, 4, 'no upload', 1);
        },
      },
    );
  await pushSlowly(() => trash.setAside(digest));
  expect((await driver.stat(blobKey(digest))).sizeBytes).toBe(4);
  isLost = false;
  await pushSlowly(() => driver.delete([blobKey(digest)]));
  expect((await driver.stat(blobKey(digest))).sizeBytes).toBe(4);
  expect(await plain(metadata).blobs.findLink('own', digest)).toEqual({ sizeBytes: 4 });
  await driver.close();
  await metadata.close();
});

test('a blob whose bytes are lost is fetched again', async () => {
  const bytes = randomBytes(1000);
  const digest = upstream.addBlob('o/i', bytes);
  await get(digest);
  await until(async () => (await get(digest)).headers['x-mirror-cache'] === 'HIT');
  await inStore((driver) => driver.delete([blobKey(digest)]));
  expect((await get(digest)).body.equals(bytes)).toBe(true);
  expect(upstream.count('GET', new RegExp(digest))).toBe(2);
});
