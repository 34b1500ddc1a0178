import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { DownloadLock, HeldDownloadLock } from '../../../src/mirror/fills/download-lock.ts';
import { createReplicaLock } from '../../../src/mirror/fills/replica-lock.ts';
import type { Digest } from '../../../src/oci/digest.ts';
import { createLeases } from '../../../src/coordination/leases.ts';
import { createSqliteStore } from '../../../storage/metadata/sqlite/sqlite-store.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';

const digest = `sha256:${'0'.repeat(64)}` as Digest;
let directory: string;
let metadata: MetadataStore;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-turns-'));
  metadata = await createSqliteStore({ file: join(directory, 'metadata.sqlite') });
});
afterEach(async () => {
  await metadata.close();
  await rm(directory, { recursive: true });
});

/** The lock of a replica whose clients can wait so long, and whose machine's lock is `local`. The blob's file is `name`. */
function replicaLock(maxWaitSeconds: number, local: HeldDownloadLock, name: string): DownloadLock {
  const createLock = createReplicaLock({
    leases: createLeases({ metadata, now: Date.now }),
    metadata,
    now: Date.now,
    maxWaitSeconds,
  });
  const machine = { acquire: () => Promise.resolve(local) };
  return createLock(machine, { upstream: 'ghcr.io', pathOf: () => join(directory, name) });
}

function localLock(): HeldDownloadLock & { readonly isReleased: () => boolean } {
  let isReleased = false;
  return {
    announce: () => Promise.resolve(),
    releaseReplicas: () => Promise.resolve(),
    release() {
      isReleased = true;
      return Promise.resolve();
    },
    isReleased: () => isReleased,
  };
}

const findLease = () => metadata.leases.find(`fill:ghcr.io ${digest}`, Date.now());

test('a waiting replica gets the lock when the other one releases it', async () => {
  const [first, second] = [localLock(), localLock()];
  const held = await replicaLock(1000, first, 'one').acquire(digest);
  let isAcquired = false;
  const waiting = replicaLock(1000, second, 'other')
    .acquire(digest)
    .then((lock) => {
      isAcquired = true;
      return lock;
    });
  expect([await findLease(), isAcquired]).toEqual([{ note: null }, false]);
  await held?.release();
  await (await waiting)?.release();
  expect([first.isReleased(), second.isReleased()]).toEqual([true, true]);
  expect(await findLease()).toBeUndefined();
});

test('a replica does not wait for a blob that will be complete too late', async () => {
  const path = join(directory, 'one');
  const held = await replicaLock(1000, localLock(), 'one').acquire(digest);
  await appendFile(path, 'x');
  await held?.announce(1e12);
  const local = localLock();
  const waiting = replicaLock(1000, local, 'other').acquire(digest);
  const growth = setInterval(() => void appendFile(path, 'x'), 20);
  expect(await waiting).toBe(local); // without a lease
  clearInterval(growth);
  await held?.release();
}, 60_000);

test('without the metadata store each replica downloads for itself', async () => {
  const local = localLock();
  await metadata.close();
  expect(await replicaLock(1000, local, 'one').acquire(digest)).toBe(local);
});
