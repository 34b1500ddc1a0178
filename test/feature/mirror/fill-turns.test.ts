import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type DownloadLock, createDownloadLock } from '../../../src/mirror/fills/download-lock.ts';
import type { LocalDownloadLock } from '../../../src/mirror/fills/partials.ts';
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

function replica(patienceSeconds: number, store: MetadataStore = metadata): DownloadLock {
  return createDownloadLock({
    leases: createLeases({ metadata: store, now: Date.now }),
    metadata: store,
    now: Date.now,
    maxWaitSeconds: patienceSeconds,
  });
}

function newClaim(): LocalDownloadLock & { readonly released: () => boolean } {
  let isReleased = false;
  return {
    announce: () => Promise.resolve(),
    releaseReplicas: () => Promise.resolve(),
    release() {
      isReleased = true;
      return Promise.resolve();
    },
    released: () => isReleased,
  };
}

test('a replica that waits has its turn when the other one is done', async () => {
  const [first, second] = [newClaim(), newClaim()];
  const held = await replica(1000).lockAcrossReplicas(first, digest, join(directory, 'one'));
  let hasTurn = false;
  const waiting = replica(1000)
    .lockAcrossReplicas(second, digest, join(directory, 'other'))
    .then((claim) => {
      hasTurn = true;
      return claim;
    });
  const seen = await metadata.leases.find(`fill:${digest}`, Date.now());
  expect([seen, hasTurn]).toEqual([{ note: null }, false]);
  await held.release();
  await (await waiting).release();
  expect([first.released(), second.released()]).toEqual([true, true]);
  expect(await metadata.leases.find(`fill:${digest}`, Date.now())).toBeUndefined();
});

test('nobody waits for a blob that will come too late', async () => {
  const path = join(directory, 'one');
  const held = await replica(1000).lockAcrossReplicas(newClaim(), digest, path);
  await appendFile(path, 'x');
  await held.announce(1e12);
  const claim = newClaim();
  const waiting = replica(1000).lockAcrossReplicas(claim, digest, join(directory, 'other'));
  const growth = setInterval(() => void appendFile(path, 'x'), 20);
  expect(await waiting).toBe(claim); // without a lease
  clearInterval(growth);
  await held.release();
}, 60_000);

test('without the metadata store each replica fetches for itself', async () => {
  const claim = newClaim();
  await metadata.close();
  expect(await replica(1000).lockAcrossReplicas(claim, digest, join(directory, 'one'))).toBe(claim);
});
