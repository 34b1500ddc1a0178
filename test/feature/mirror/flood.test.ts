import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createMirror } from '../../../src/mirror/compose.ts';
import type { Mirror } from '../../../src/mirror/mirror.ts';
import type { MirroredRepository } from '../../../src/mirror/names/routing.ts';
import { createSpaceReservations } from '../../../src/mirror/cache/space-reservations.ts';
import type { Digest } from '../../../src/oci/digest.ts';
import { createTrash } from '../../../src/content/trash.ts';
import { blobKey } from '../../../storage/blobs/layout.ts';
import { createFilesystemDriver } from '../../../storage/blobs/filesystem/filesystem-driver.ts';
import { createSqliteStore } from '../../../storage/metadata/sqlite/sqlite-store.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { type CountingDriver, createCountingDriver } from '../../support/counting-driver.ts';
import { type FakeUpstream, startFakeUpstream } from '../../support/fake-upstream.ts';
import { digestOf } from '../../support/images.ts';
import { until } from '../../support/until.ts';
import { plain } from '../../support/plain.ts';

const maxBytes = 1024 * 1024;
const blobBytes = 50_000;

let directory: string;
let upstream: FakeUpstream;
let source: MirroredRepository;
let store: CountingDriver;
let metadata: MetadataStore;
/** Two machines that share the stores. */
let mirrors: readonly [Mirror, Mirror];
let emptying: NodeJS.Timeout;
let emptied: Promise<unknown>;
/** Twenty times as fast as it is: what is evicted leaves in a tenth of a second. */
const now = () => Date.now() * 20;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-flood-'));
  upstream = await startFakeUpstream();
  source = {
    upstream: {
      name: 'ghcr.io',
      url: new URL(upstream.url),
      logins: [],
      searchUrl: undefined,
      bytesPerSecond: undefined,
      connections: 64,
      ca: undefined,
      redirects: [],
    },
    remoteName: 'o/i',
    repository: 'ghcr.io/o/i' as MirroredRepository['repository'],
    hasFallback: false,
    isPushed: false,
    isNamed: true,
  };
  store = createCountingDriver(await createFilesystemDriver({ directory }));
  metadata = await createSqliteStore({ file: join(directory, 'metadata.sqlite') });
  mirrors = [await open('one'), await open('two')];
  emptied = Promise.resolve();
  emptying = setInterval(() => {
    emptied = Promise.all([emptied, ...mirrors.map((mirror) => mirror.emptyTrash())]);
  }, 10);
});
afterEach(async () => {
  clearInterval(emptying);
  await emptied;
  await Promise.all(mirrors.map((mirror) => mirror.close()));
  await upstream.close();
  await metadata.close();
  await store.driver.close();
  await rm(directory, { recursive: true, maxRetries: 5 });
});

function open(machine: string): Promise<Mirror> {
  return createMirror({
    driver: store.driver,
    metadata,
    now,
    upstreams: [source.upstream],
    fallback: undefined,
    freshnessSeconds: 60,
    publicCheckSeconds: 3600,
    timeouts: { connectSeconds: 5, headersSeconds: 20, idleSeconds: 30 },
    proxy: { HTTP_PROXY: undefined, HTTPS_PROXY: undefined, NO_PROXY: undefined },
    directory: join(directory, machine),
    maxManifestBytes: 4 * 1024 * 1024,
    tagFreshness: () => 60,
    revalidateWaitSeconds: 1,
    staleWhileRevalidateSeconds: 0,
    negativeSeconds: 30,
    retrySeconds: 5,
    manifestLock: undefined,
    prefetchBytes: 0,
    maxBytes,
    keepFreeBytes: 0,
    disk: () => Promise.resolve(undefined),
    finish: { part: 0, sizeBytes: 0 },
    replicaLock: undefined,
    downloadSpaceBytes: Infinity,
    metrics: {
      served: () => undefined,
      received: () => undefined,
      waited: () => undefined,
      resumed: () => undefined,
      downloaded: () => undefined,
      mismatched: () => undefined,
      evicted: () => undefined,
      notKept: () => undefined,
      refreshed: () => undefined,
      abandoned: () => undefined,
    },
    log: { warn: () => undefined },
  });
}

/** Pulls the blob whole, as a client would, and says how the mirror came by it. */
async function pull(mirror: Mirror, digest: Digest): Promise<string> {
  const served = await mirror.blob(source, digest, true);
  const object = served.open?.() ?? mirror.inUse(digest, await store.driver.read(blobKey(digest)));
  const chunks: Buffer[] = [];
  for await (const chunk of object.stream()) chunks.push(Buffer.from(chunk));
  await object.close();
  expect(digestOf(Buffer.concat(chunks))).toBe(digest);
  return served.cache;
}

const newBlob = (sizeBytes = blobBytes) => upstream.addBlob('o/i', randomBytes(sizeBytes));

async function pullUntilKept(digest: Digest): Promise<void> {
  await until(async () => (await pull(mirrors[0], digest)) === 'HIT');
}

/** Ten times what the mirrors may have, eight at once. */
async function flood(through: readonly Mirror[]): Promise<void> {
  let left = (10 * maxBytes) / blobBytes;
  const client = async (mirror: Mirror) => {
    while (left-- > 0) await pull(mirror, newBlob());
  };
  await Promise.all([...through, ...through, ...through, ...through].map(client));
}

test('a flood through two replicas never exceeds the limit, and leaves reused content', async () => {
  const favourites = Array.from({ length: 6 }, () => newBlob());
  for (const favourite of favourites) await pullUntilKept(favourite);
  await mirrors[0].tidy();
  await flood(mirrors);
  expect(store.greatestBytes).toBeLessThanOrEqual(maxBytes);
  expect(store.greatestBytes).toBeGreaterThan(maxBytes / 2);
  for (const favourite of favourites) expect(await pull(mirrors[1], favourite)).toBe('HIT');
  const { contentBytes, transitBytes } = await metadata.mirrorSpace.size();
  expect(contentBytes + transitBytes).toBeLessThanOrEqual(maxBytes);
}, 120_000);

test('a blob is not evicted while it is read, and is evicted afterwards', async () => {
  const digest = newBlob();
  await pull(mirrors[0], digest);
  await until(async () => (await metadata.blobs.find(digest)) !== undefined);
  const object = mirrors[0].inUse(digest, await store.driver.read(blobKey(digest)));
  await flood([mirrors[0], mirrors[0]]);
  expect(await metadata.blobs.find(digest)).toBeDefined();
  await object.close();
  await until(async () => {
    await flood([mirrors[0], mirrors[0]]);
    return (await metadata.blobs.find(digest)) === undefined;
  });
}, 120_000);

test('a huge blob evicts nothing at its first request and is kept at its second', async () => {
  const others = Array.from({ length: 12 }, () => newBlob());
  for (const other of others) await pullUntilKept(other);
  await mirrors[0].tidy();
  const huge = newBlob(500_000);
  expect(await pull(mirrors[0], huge)).toBe('MISS');
  await until(() => mirrors[0].state().fills === 0);
  expect(await metadata.blobs.find(huge)).toBeUndefined();
  for (const other of others) expect(await pull(mirrors[1], other)).toBe('HIT');
  await pull(mirrors[1], huge);
  await until(async () => (await metadata.blobs.find(huge)) !== undefined);
  expect(store.greatestBytes).toBeLessThanOrEqual(maxBytes);
}, 60_000);

test('space that a crashed process had reserved is released', async () => {
  const trash = createTrash({
    driver: store.driver,
    metadata,
    now: () => time,
    onLeft: (digests) => metadata.mirrorSpace.release(digests, true),
  });
  let time = 1;
  const transits = createSpaceReservations({ driver: store.driver, metadata, trash, now: () => time });
  const [come, never, left] = [digestOf('come'), digestOf('never'), digestOf('left')];
  for (const digest of [come, never]) await metadata.mirrorSpace.reserve(digest, 4, 100, time);
  await store.driver.put(blobKey(come), Buffer.from('come'));
  await store.driver.put(blobKey(left), Buffer.from('left'));
  await plain(metadata).mirroredContent.recordBlob(
    [{ repository: 'ghcr.io/o/i', upstream: 'ghcr.io', byLogin: false }],
    left,
    4,
    time,
  );
  await metadata.mirrorSpace.evict(left, time);
  await transits.releaseExpired();
  expect(await metadata.mirrorSpace.size()).toMatchObject({ transitBytes: 12 });
  time += 2 * 3600_000;
  await transits.releaseExpired();
  time += 10_000;
  await trash.empty();
  expect(await metadata.mirrorSpace.size()).toEqual({ contentBytes: 0, protectedBytes: 0, transitBytes: 0 });
  for (const digest of [come, left]) {
    await expect(store.driver.stat(blobKey(digest))).rejects.toMatchObject({ code: 'not_found' });
  }
});
