import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { onOneReplica } from '../../../src/coordination/interval.ts';
import { createLeases } from '../../../src/coordination/leases.ts';
import { createVerificationOverview } from '../../../src/maintenance/verify/overview.ts';
import { type Peer, createPeerAttempts } from '../../../src/maintenance/verify/peers.ts';
import { createRepair } from '../../../src/maintenance/verify/repair.ts';
import { type Scrub, createScrub } from '../../../src/maintenance/verify/scrub.ts';
import { createSuspects } from '../../../src/maintenance/verify/suspects.ts';
import { createRegistry } from '../../../src/registry/registry.ts';
import { WrongStore } from '../../../src/maintenance/verify/verifier.ts';
import type { Digest } from '../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../src/oci/reference.ts';
import { parsePattern } from '../../../src/oci/patterns/repository-pattern.ts';
import { blobKey } from '../../../storage/blobs/layout.ts';
import { digestOf, pushBlob, pushImage } from '../../support/images.ts';
import { type VerifiedRegistry, damage, openVerifiedRegistry, readingDriver, storeFailures } from '../../support/verification.ts';

const day = 24 * 3_600_000;
const every = 90 * day;
const forever = new AbortController().signal;

let registry: VerifiedRegistry;
/** Digests in the order of their reads. */
let read: string[];
let spent: number[];
let events: string[];
/** Called before each read. */
let beforeRead: (digest: Digest) => Promise<void>;

beforeEach(async () => {
  registry = await openVerifiedRegistry();
  [read, spent, events] = [[], [], []];
  beforeRead = () => Promise.resolve();
});
afterEach(() => registry.close());

/** A scrub as a process begins it. */
function newScrub(everyMilliseconds = every): Scrub {
  const { metadata, clock } = registry;
  const driver = readingDriver(registry.driver, async (key) => {
    const content = (await registry.contents()).find(({ digest }) => blobKey(digest) === key);
    if (!content) return undefined;
    read.push(content.digest);
    await beforeRead(content.digest);
    return undefined;
  });
  return createScrub({
    metadata,
    verifier: registry.verifier(driver),
    repair: createRepair({
      metadata,
      refetch: () => Promise.reject(new Error('no upstream')),
      peers: { of: () => Promise.resolve([]) },
      pause: () => Promise.resolve(),
    }),
    spend(bytes) {
      spent.push(bytes);
      return Promise.resolve();
    },
    everyMilliseconds,
    now: () => clock.time,
    random: () => 0.5,
    events: {
      corrupt: ({ digest }) => events.push(`corrupt ${digest}`),
      unreadable: ({ digest }) => events.push(`unreadable ${digest}`),
      repaired: (digest) => events.push(`repaired ${digest}`),
      verified: () => undefined,
    },
  });
}

const overview = () =>
  createVerificationOverview({
    driver: registry.driver,
    metadata: registry.metadata,
    everyMilliseconds: every,
    now: () => registry.clock.time,
  });

/** Pushes blobs of 100 bytes that were last checked at these times, in days before now. */
async function pushChecked(...ages: readonly number[]): Promise<readonly Digest[]> {
  const digests: Digest[] = [];
  for (const [index, age] of ages.entries()) {
    const digest = await pushBlob(registry.server, 'app', `layer ${index}`.padEnd(100));
    await registry.metadata.contentChecks.record([digest], registry.clock.time - age * day);
    digests.push(digest);
  }
  return digests;
}

describe('the scrub', () => {
  test('reads what was not checked for the longest time, and nothing that was checked a short time ago', async () => {
    const [, older, , oldest] = await pushChecked(1, 85, 80, 89);
    await newScrub().run(forever);
    expect(read).toEqual([oldest, older]);
    expect(await overview().coverage()).toBe(1);
    await newScrub().run(forever);
    expect(read).toHaveLength(2);
  });

  test('reads every blob within the time, whatever its age', async () => {
    await pushChecked(1, 30, 60, 80);
    for (let hours = 0; hours < 90 * 24; hours += 12) {
      registry.clock.time += 12 * 3_600_000;
      await newScrub().run(forever);
      expect(await overview().coverage()).toBe(1);
    }
    expect(new Set(read).size).toBe(4);
  });

  test('counts every byte, and small blobs as if they were larger', async () => {
    await pushChecked(89);
    await newScrub().run(forever);
    expect(spent).toEqual([64 * 1024, 100]);
  });

  test('goes on where it was after a restart', async () => {
    const digests = await pushChecked(89, 88, 87);
    const stopping = new AbortController();
    beforeRead = (digest) => {
      if (digest === digests[2]) stopping.abort();
      return Promise.resolve();
    };
    // As much as is recorded at once is read again.
    await newScrub().run(stopping.signal);
    beforeRead = () => Promise.resolve();
    read = [];
    await newScrub().run(forever);
    expect([read.length, await overview().coverage()]).toEqual([3, 1]);
    read = [];
    await newScrub().run(forever);
    expect(read).toEqual([]);
  });

  test('reports what cannot be read, checks the rest, and tries again after an hour', async () => {
    const [broken, fine] = await pushChecked(89, 88);
    beforeRead = (digest) => (digest === broken ? Promise.reject(storeFailures.EIO) : Promise.resolve());
    const scrub = newScrub();
    for (let runs = 0; runs < 3; runs++) await scrub.run(forever);
    expect([read, events]).toEqual([[broken, fine], [`unreadable ${broken}`]]);
    registry.clock.time += 3_600_000;
    beforeRead = () => Promise.resolve();
    await scrub.run(forever);
    expect([read, await registry.metadata.corruptContent.count(9)]).toEqual([[broken, fine, broken], 0]);
  });

  test('pauses when the store fails', async () => {
    await pushChecked(89, 88, 87, 86);
    beforeRead = () => Promise.reject(storeFailures.timeout);
    const scrub = newScrub();
    await expect(scrub.run(forever)).rejects.toThrow('the blob store cannot be read');
    const reads = read.length;
    await scrub.run(forever);
    expect(read).toHaveLength(reads);
    beforeRead = () => Promise.resolve();
    // After the pause it ends the pass; the next one begins an hour later.
    for (let hours = 0; hours < 3; hours++) {
      registry.clock.time += 3_600_000;
      await scrub.run(forever);
    }
    expect([new Set(read.slice(reads)).size, await overview().coverage()]).toEqual([4, 1]);
  });

  test('goes on behind content that can never be read', async () => {
    const digests = await pushChecked(...Array.from({ length: 70 }, (_, index) => 89 - index / 100));
    const broken = new Set(digests.slice(0, 66));
    beforeRead = (digest) => (broken.has(digest) ? Promise.reject(storeFailures.EIO) : Promise.resolve());
    const scrub = newScrub();
    await expect(scrub.run(forever)).rejects.toThrow('the blob store cannot be read');
    registry.clock.time += 60_001;
    await scrub.run(forever);
    expect(read.slice(-4)).toEqual(digests.slice(66));
  });

  test('ends a verification that was asked for also where nothing can be read', async () => {
    await pushChecked(1, 1, 1);
    beforeRead = () => Promise.reject(storeFailures.EIO);
    await overview().request({ depth: 'deep', percent: 100, repositories: undefined, requestedBy: 'alice' });
    await expect(newScrub().run(forever)).rejects.toThrow('the blob store cannot be read');
    expect((await overview().status()).run).toMatchObject({ checked: 3, unreadable: 3, endedAt: registry.clock.time });
  });

  test('names corrupt content once, and notices within an hour that it was restored', async () => {
    const [digest = '' as Digest] = await pushChecked(89);
    await damage(registry.driver, digest, () => Buffer.from('other'));
    const scrub = newScrub();
    for (let hours = 0; hours < 3; hours++) {
      await scrub.run(forever);
      registry.clock.time += 3_600_001;
    }
    expect(events).toEqual([`corrupt ${digest}`]);
    await damage(registry.driver, digest, () => Buffer.from('layer 0'.padEnd(100)));
    await scrub.run(forever);
    expect([events, await overview().countCorrupt()]).toEqual([[`corrupt ${digest}`, `repaired ${digest}`], 0]);
    expect(read.at(-1)).toBe(digest);
  });

  test('does not wait for its turn with what a pull has found damaged', async () => {
    const image = await pushImage(registry.server, 'app', '1');
    const layer = digestOf(image.layer);
    const suspects = createSuspects();
    const { driver, metadata } = registry;
    const pulling = createRegistry({ driver, metadata, now: Date.now, acceptMissing: false, onDamaged: suspects.report });
    for (const digest of [layer, image.digest]) await damage(driver, digest, (bytes) => bytes.subarray(1));
    await expect(pulling.blobs.open(layer, image.layer.length)).rejects.toThrow('bytes in the blob store');
    await expect(pulling.manifests.bytes(image.digest, image.manifest.length)).rejects.toThrow('bytes in the blob store');
    await newScrub().checkNow(suspects.take(), forever);
    expect(new Set(events)).toEqual(new Set([`corrupt ${layer}`, `corrupt ${image.digest}`]));
    expect(suspects.take()).toEqual([]);
  });

  test('ends with an error where the store is another one', async () => {
    const digests = await pushChecked(...Array.from({ length: 20 }, () => 89));
    for (const digest of digests) await damage(registry.driver, digest, () => undefined);
    await expect(newScrub().run(forever)).rejects.toThrow(WrongStore);
    expect(await overview().countCorrupt()).toBe(0);
  });

  test('is off with verify.every at zero, and still does what is asked for', async () => {
    await pushChecked(89);
    const scrub = newScrub(0);
    await scrub.run(forever);
    expect(read).toEqual([]);
    await overview().request({ depth: 'deep', percent: 100, repositories: undefined, requestedBy: 'alice' });
    await scrub.run(forever);
    expect(read).toHaveLength(1);
  });

  test('runs in one of two replicas', async () => {
    await pushChecked(89, 88);
    const started = Promise.withResolvers<undefined>();
    const released = Promise.withResolvers<undefined>();
    beforeRead = async () => {
      started.resolve(undefined);
      await released.promise;
    };
    const replica = () => {
      const leases = createLeases({ metadata: registry.metadata, now: Date.now });
      return onOneReplica(leases, 'verify', 60, () => newScrub().run(forever));
    };
    const first = replica()();
    await started.promise;
    await replica()();
    released.resolve(undefined);
    await first;
    expect(read).toHaveLength(2);
  });
});

describe('a verification that was asked for', () => {
  test('shows its progress, and goes on in another process', async () => {
    await pushImage(registry.server, 'team/app', '1');
    const other = await pushBlob(registry.server, 'other', 'layer');
    // After the push, which counts as a check.
    registry.clock.time = Date.now() + 1;
    await overview().request({
      depth: 'deep',
      percent: 100,
      repositories: parsePattern('team/**'),
      requestedBy: 'alice',
    });
    expect((await overview().status()).run).toMatchObject({ repositories: 'team/**', checked: 0, endedAt: undefined });
    registry.clock.time += 1;
    const stopping = new AbortController();
    beforeRead = () => {
      stopping.abort();
      return Promise.resolve();
    };
    await newScrub().run(stopping.signal);
    beforeRead = () => Promise.resolve();
    await newScrub().run(forever);
    expect((await overview().status()).run).toMatchObject({ checked: 3, corrupt: 0, endedAt: registry.clock.time });
    expect([new Set(read).size, read.includes(other)]).toEqual([3, false]);
  });

  test('of a sample reads a part of the content', async () => {
    await pushChecked(1, 1);
    for (const percent of [40, 60]) {
      await overview().request({ depth: 'deep', percent, repositories: undefined, requestedBy: 'alice' });
      await newScrub().run(forever);
      registry.clock.time += 1;
    }
    expect((await overview().status()).run).toMatchObject({ checked: 2 });
    expect(read).toHaveLength(2);
  });

  test('lists what is corrupt with its images', async () => {
    const image = await pushImage(registry.server, 'team/app', '1');
    await damage(registry.driver, image.digest, () => undefined);
    await overview().request({ depth: 'quick', percent: 100, repositories: undefined, requestedBy: 'alice' });
    await newScrub().run(forever);
    expect(await overview().status()).toMatchObject({ corrupt: 1, run: { checked: 3, corrupt: 1 } });
    expect(await overview().listCorrupt('', 1)).toMatchObject({
      items: [{ digest: image.digest, problem: 'missing', images: [{ repository: 'team/app', tags: ['1'] }], repairError: null }],
      next: image.digest,
    });
    expect(await overview().listCorrupt(image.digest, 1)).toEqual({ items: [], next: undefined });
  });
});

test('coverage is the part of the content that was checked in time', async () => {
  expect(await overview().coverage()).toBe(1);
  await pushChecked(1, 91, 100, 89);
  expect(await overview().coverage()).toBe(0.5);
});

test.each([
  ['few', { contents: 0, checked: 0 }],
  ['many', { contents: 1000, checked: 0 }],
])('coverage is complete if all of %s contents were deleted since their oldest check was read', async (_number, first) => {
  const contentChecks = {
    findOldest: () => Promise.resolve(0),
    countFirst: () => Promise.resolve(first),
    sampleTimes: () => Promise.resolve([]),
  };
  const metadata = { ...registry.metadata, contentChecks: { ...registry.metadata.contentChecks, ...contentChecks } };
  const raced = createVerificationOverview({ ...registry, metadata, everyMilliseconds: every, now: () => 2 * every });
  expect(await raced.coverage()).toBe(1);
});

/** A peer that no test may ask: each request to it fails. */
const peer: Peer = {
  registry: 'peer.test',
  nameOf: (repository) => repository,
  manifest: () => Promise.reject(new Error('no manifest is asked for')),
  openBlob: () => {
    throw new Error('no blob is asked for');
  },
};

test('an empty blob is repaired without a request to the peer, which could not name its bytes', async () => {
  const { driver, metadata, server, clock } = registry;
  const empty = digestOf(Buffer.alloc(0));
  await pushBlob(server, 'team/app', Buffer.alloc(0));
  await damage(driver, empty, () => undefined);
  const attempts = createPeerAttempts({ driver, metadata, now: () => clock.time, peers: [peer] });
  for (const { fetch } of await attempts.of(empty, 'blob', ['team/app' as RepositoryName])) await fetch();
  expect((await driver.stat(blobKey(empty))).sizeBytes).toBe(0);
});

test('only repositories that clients push to are repaired from peers', async () => {
  const { driver, metadata, server, clock } = registry;
  const digest = await pushBlob(server, 'team/app', Buffer.from('both'));
  const mirrored = 'docker.io/library/app' as RepositoryName;
  await metadata.mirroredContent.recordBlob([{ repository: mirrored, upstream: 'docker.io', byLogin: false }], digest, 4, 1);
  const attempts = createPeerAttempts({ driver, metadata, now: () => clock.time, peers: [peer] });
  const found = await attempts.of(digest, 'blob', [mirrored, 'team/app' as RepositoryName]);
  expect(found.map(({ source }) => source)).toEqual(['peer.test/team/app']);
});
