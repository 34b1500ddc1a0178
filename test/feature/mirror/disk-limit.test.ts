import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { makingRoom } from '../../../src/assembly/maintenance/making-room.ts';
import { type DiskSpace, limitOnDisk, reservedBytes } from '../../../src/mirror/cache/disk-limit.ts';
import { type Eviction, createEviction } from '../../../src/mirror/cache/eviction.ts';
import { createSpaceReservations } from '../../../src/mirror/cache/space-reservations.ts';
import { createTrash } from '../../../src/content/trash.ts';
import { type BlobDriver, StorageError, objectKey } from '../../../storage/blobs/driver.ts';
import { createFilesystemDriver } from '../../../storage/blobs/filesystem/filesystem-driver.ts';
import { blobKey } from '../../../storage/blobs/layout.ts';
import { createSqliteStore } from '../../../storage/metadata/sqlite/sqlite-store.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { digestOf } from '../../support/images.ts';
import type { Digest } from '../../../src/oci/digest.ts';
import { plain } from '../../support/plain.ts';

const diskBytes = 1_000_000;
const blobBytes = 50_000;
const holder = { repository: 'ghcr.io/o/i', upstream: 'ghcr.io', byLogin: false };

let directory: string;
let driver: BlobDriver;
let metadata: MetadataStore;
let eviction: Eviction;
let time: number;
/** Bytes of the disk that something else has. */
let otherBytes: number;
let failures: unknown[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-disk-'));
  driver = await createFilesystemDriver({ directory });
  metadata = await createSqliteStore({ file: join(directory, 'metadata.sqlite') });
  time = 1_000_000;
  otherBytes = 0;
  failures = [];
  // Each look is later than the grace of the trash, so that what is evicted leaves at once.
  const now = () => (time += 2000);
  const onLeft = (digests: readonly Digest[]) => metadata.mirrorSpace.release(digests, true);
  eviction = createEviction({
    metadata,
    trash: createTrash({ driver, metadata, now, onLeft }),
    maxBytes: 100 * diskBytes,
    keepFreeBytes: diskBytes,
    disk,
    now,
    flushUses: () => Promise.resolve(),
    isInUse: () => false,
    events: { evicted: () => undefined, evictionFailed: (error) => void failures.push(error) },
  });
});
afterEach(async () => {
  await eviction.close();
  await metadata.close();
  await driver.close();
  await rm(directory, { recursive: true });
  expect(failures).toEqual([]);
});

/** A disk that has the blobs, and `otherBytes` of something else. */
async function disk(): Promise<DiskSpace> {
  const { contentBytes, transitBytes } = await metadata.mirrorSpace.size();
  return { totalBytes: diskBytes, freeBytes: diskBytes - otherBytes - contentBytes - transitBytes };
}

async function mirrorBlobs(count: number): Promise<void> {
  for (let index = 0; index < count; index++) {
    const bytes = randomBytes(blobBytes);
    await driver.put(blobKey(digestOf(bytes)), bytes);
    await plain(metadata).mirroredContent.recordBlob([holder], digestOf(bytes), blobBytes, index + 1);
  }
}

test('a tenth of the disk stays free at most, and the limit does not move while the mirror evicts', () => {
  expect([reservedBytes({ freeBytes: 0, totalBytes: 100 }, 5), reservedBytes({ freeBytes: 0, totalBytes: 100 }, 50)]).toEqual([
    5, 10,
  ]);
  const before = limitOnDisk({ contentBytes: 60, protectedBytes: 0, transitBytes: 0 }, { freeBytes: 5, totalBytes: 100 }, 10);
  const leaving = limitOnDisk({ contentBytes: 40, protectedBytes: 0, transitBytes: 20 }, { freeBytes: 5, totalBytes: 100 }, 10);
  const gone = limitOnDisk({ contentBytes: 40, protectedBytes: 0, transitBytes: 0 }, { freeBytes: 25, totalBytes: 100 }, 10);
  expect([before, leaving, gone]).toEqual([55, 55, 55]);
});

test('mirrored content makes way when the disk becomes full, although mirror.maxSize is larger than the disk', async () => {
  await mirrorBlobs(10);
  expect(await eviction.run()).toBe(0);
  otherBytes = 400_000;
  expect(await eviction.run()).toBeGreaterThan(0);
  const { contentBytes } = await metadata.mirrorSpace.size();
  expect([contentBytes > 0, contentBytes <= 400_000]).toEqual([true, true]);
});

test('a blob that has come is not kept where the disk has no room for it, and kept where it has', async () => {
  otherBytes = 890_000;
  const arrival = { digest: digestOf('a'), sizeBytes: blobBytes, requests: 1 };
  expect(await eviction.admitManifest(digestOf('m'), 1)).toBe(true);
  await eviction.measure();
  expect(await eviction.admitManifest(digestOf('n'), 20_000)).toBe(false);
  otherBytes = 800_000;
  expect(await eviction.admit(arrival)).toBe(true);
});

test('a push evicts mirrored content before the disk is full', async () => {
  await mirrorBlobs(16);
  otherBytes = 180_000;
  const pushing = makingRoom(
    {
      ...driver,
      async put(key, bytes, options) {
        if ((await disk()).freeBytes < bytes.length) throw new StorageError('no_space', 'full');
        await driver.put(key, bytes, options);
      },
    },
    eviction.makeRoom,
  );
  const bytes = randomBytes(3 * blobBytes);
  await pushing.put(blobKey(digestOf(bytes)), bytes);
  expect((await driver.stat(blobKey(digestOf(bytes)))).sizeBytes).toBe(bytes.length);
});

test('uploads make room before their first bytes, then every 16 MiB and every second, and keep every byte', async () => {
  const asked: number[] = [];
  let milliseconds = 0;
  const pushing = makingRoom(
    driver,
    (bytes) => Promise.resolve(void asked.push(bytes)),
    () => milliseconds,
  );
  const mebibyte = randomBytes(1024 * 1024);
  async function upload(name: string, mebibytes: number): Promise<number> {
    const appender = await pushing.openAppender(objectKey(`uploads/${name}`), { resume: false });
    await appender.append(
      (async function* () {
        for (let index = 0; index < mebibytes; index++) yield await Promise.resolve(mebibyte);
      })(),
    );
    await appender.abort();
    return appender.sizeBytes;
  }
  expect([await upload('one', 33), asked.length]).toEqual([33 * mebibyte.length, 3]);
  expect([await upload('two', 1), asked.length]).toEqual([mebibyte.length, 3]);
  milliseconds = 1000;
  expect([await upload('three', 1), asked.length]).toEqual([mebibyte.length, 4]);
});

test('evicted content leaves no folder', async () => {
  await mirrorBlobs(2);
  otherBytes = 1_000_000;
  await eviction.makeRoom(1);
  const blobs = join(directory, 'docker/registry/v2/blobs/sha256');
  const folders = await readdir(blobs, { recursive: true });
  expect(folders.filter((path) => path.length > 2)).toEqual([]);
});

test('a reservation of a process that was killed ends at the next start, and within a minute elsewhere; a living one keeps its own', async () => {
  const now = () => time;
  const trash = createTrash({ driver, metadata, now });
  const [living, restarted] = [1, 2].map(() => createSpaceReservations({ driver, metadata, trash, now }));
  const counted = async () => (await metadata.mirrorSpace.size()).transitBytes;
  const [mine, dead] = [digestOf('mine'), digestOf('dead')];
  await driver.put(blobKey(dead), Buffer.from('dead'));
  await metadata.mirrorSpace.reserve(mine, 3, diskBytes, time);
  await metadata.mirrorSpace.reserve(dead, 4, diskBytes, time);
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const arriving = living?.arriving(mine, () => promise);
  time += 50_000;
  await living?.renew();
  time += 11_000;
  await restarted?.releaseExpired();
  expect(await counted()).toBe(3);
  await expect(driver.stat(blobKey(dead))).rejects.toMatchObject({ code: 'not_found' });
  await restarted?.settleAllArrivals();
  expect(await counted()).toBe(0);
  resolve(undefined);
  await arriving;
});
