import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { claimLost } from '../../../src/content/claims.ts';
import { createTrash, storeThenRecord } from '../../../src/content/trash.ts';
import { createAuditor } from '../../../src/maintenance/collect/audit.ts';
import { createCollector } from '../../../src/maintenance/collect/collector.ts';
import type { Digest } from '../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../src/oci/reference.ts';
import { type Registry, createRegistry } from '../../../src/registry/registry.ts';
import { type BlobDriver, StorageError, type StorageErrorCode } from '../../../storage/blobs/driver.ts';
import { createFilesystemDriver } from '../../../storage/blobs/filesystem/filesystem-driver.ts';
import { blobKey, blobsPrefix } from '../../../storage/blobs/layout.ts';
import { createSqliteStore } from '../../../storage/metadata/sqlite/sqlite-store.ts';
import { MetadataError, type MetadataStore } from '../../../storage/metadata/store.ts';
import { call } from '../../support/call.ts';
import { type FaultyDriver, createFaultyDriver } from '../../support/faulty-driver.ts';
import { digestOf, newImage } from '../../support/images.ts';
import { serveRegistry } from '../../support/registry-server.ts';
import { wrapOperations } from '../../support/wrapped-metadata.ts';
import { until } from '../../support/until.ts';

const [app, other] = ['app', 'other'] as RepositoryName[] as [RepositoryName, RepositoryName];
const author = { actor: 'alice', address: '' };
const hour = 3_600_000;

let directory: string;
let faulty: FaultyDriver;
let metadata: MetadataStore;
let registry: Registry;
let time: number;
const failed: { readonly digest: string; readonly isSetAside: boolean }[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-collection-'));
  faulty = createFaultyDriver(await createFilesystemDriver({ directory }));
  metadata = await createSqliteStore({ file: join(directory, 'metadata.sqlite') });
  time = Date.now();
  failed.length = 0;
  registry = createRegistry({ driver: faulty.driver, metadata, now: () => time, acceptMissing: false, onPullsNotRecorded: fail });
});
afterEach(async () => {
  await registry.uploads.close();
  await metadata.close();
  await faulty.driver.close();
  await rm(directory, { recursive: true });
});

function fail(error: unknown): never {
  throw error;
}

const newTrash = () => createTrash({ driver: faulty.driver, metadata, now: () => time });

const newCollector = (over = metadata, maxPerSecond = 100_000) =>
  createCollector({
    driver: faulty.driver,
    metadata: over,
    trash: newTrash(),
    now: () => time,
    maxPerSecond,
    trashWindowMs: 7 * 24 * hour,
    events: {
      purged: () => undefined,
      trashed: () => undefined,
      failed: (digest, _, isSetAside) => failed.push({ digest, isSetAside }),
    },
  });

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}

async function pushBlob(repository: RepositoryName, bytes: Buffer): Promise<Digest> {
  const digest = digestOf(bytes);
  await registry.uploads.put(repository, digest, { body: once(bytes), range: undefined, length: bytes.length });
  return digest;
}

async function pushImage(repository: RepositoryName, tag: string, image = newImage()) {
  await pushBlob(repository, Buffer.from(image.config));
  await pushBlob(repository, image.layer);
  return putManifest(repository, tag, image);
}

async function putManifest(repository: RepositoryName, tag: string, image: ReturnType<typeof newImage>) {
  const bytes = Buffer.from(image.manifest);
  const mediaType = (JSON.parse(image.manifest) as { mediaType: string }).mediaType;
  const { digest } = await registry.manifests.put(repository, { tag } as never, [], bytes, mediaType, {
    keepTags: false,
    author,
  });
  return { digest, layer: digestOf(image.layer) };
}

const deleteManifest = (repository: RepositoryName, digest: Digest) =>
  metadata.deletions.put({
    repository,
    digest,
    windowMilliseconds: 0,
    reason: '',
    cause: 'delete',
    author: { ...author, at: time },
  });

async function stored(): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const key of faulty.driver.list(blobsPrefix)) keys.push(key);
  return keys;
}

/** The sizes of all files of the blob store. */
async function diskBytes(): Promise<number> {
  const entries = await readdir(join(directory, 'docker'), { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const sizes = await Promise.all(files.map(async ({ parentPath, name }) => (await stat(join(parentPath, name))).size));
  return sizes.reduce((total, size) => total + size, 0);
}

const isStored = async (digest: Digest) => (await stored()).includes(blobKey(digest));

describe('garbage collection', () => {
  test('deletes what no manifest needs after twice the grace, and keeps the rest', async () => {
    const image = await pushImage(app, 'latest');
    const unneeded = await pushBlob(app, randomBytes(100));
    time += 2 * hour - 1;
    expect(await newCollector().run()).toMatchObject({ purgedBlobs: 0 });
    time += 1;
    expect(await newCollector().run()).toMatchObject({ unlinked: 1, purgedBlobs: 1, purgedBytes: 100 });
    expect(await isStored(unneeded)).toBe(false);
    expect(await stored()).toHaveLength(3);
    expect(await isStored(image.layer)).toBe(true);
  });

  test('deletes the content of a deleted manifest, but not what another repository needs', async () => {
    const image = await pushImage(app, 'latest');
    expect(await registry.blobs.mount(app, other, image.layer, author)).toBe(true);
    await registry.manifests.put(
      other,
      { tag: 'latest' } as never,
      [],
      Buffer.from(
        JSON.stringify({
          schemaVersion: 2,
          mediaType: 'application/vnd.oci.image.manifest.v1+json',
          config: {
            mediaType: 'application/octet-stream',
            digest: image.layer,
            size: (await metadata.blobs.find(image.layer))?.sizeBytes,
          },
          layers: [],
        }),
      ),
      'application/vnd.oci.image.manifest.v1+json',
      { keepTags: false, author },
    );
    await deleteManifest(app, image.digest);
    time += 2 * hour;
    await newCollector().run();
    expect([await isStored(image.layer), await isStored(image.digest)]).toEqual([true, false]);
    expect(await metadata.blobs.findLink(app, image.layer)).toBeUndefined();
  });

  test('a blob that HEAD has answered stays for the grace, with one write for each grace', async () => {
    const digest = await pushBlob(app, randomBytes(100));
    time += 2 * hour - 1000;
    let writes = 0;
    const counted = { ...metadata, reviews: { ...metadata.reviews, postpone: countPostpone } };
    async function countPostpone(...args: Parameters<typeof metadata.reviews.postpone>): Promise<boolean> {
      writes++;
      return metadata.reviews.postpone(...args);
    }
    const { blobs } = createRegistry({
      driver: faulty.driver,
      metadata: counted,
      now: () => time,
      acceptMissing: false,
      onPullsNotRecorded: fail,
    });
    for (let count = 0; count < 5; count++) await blobs.keep(app, digest);
    expect(writes).toBe(1);
    time += hour - 1000;
    await newCollector().run();
    expect(await isStored(digest)).toBe(true);
    time += 2 * hour;
    await newCollector().run();
    await expect(blobs.keep(app, digest)).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' });
  });

  test.each([
    ['HEAD', app, ({ digest }: { readonly digest: Digest }) => registry.blobs.keep(app, digest)],
    ['mount', other, ({ digest }: { readonly digest: Digest }) => registry.blobs.mount(other, app, digest, author)],
    ['upload', app, ({ bytes }: { readonly bytes: Buffer }) => pushBlob(app, bytes)],
  ])('a manifest that is put just before the grace of its blobs ends has all its blobs: %s', async (_, repository, answer) => {
    const image = newImage();
    const contents = [Buffer.from(image.config), image.layer];
    const blobs = await Promise.all(contents.map(async (bytes) => ({ bytes, digest: await pushBlob(repository, bytes) })));
    // The last moment before their reviews are due.
    time += 2 * hour - 1;
    for (const blob of blobs) await answer(blob);
    time += hour - 1000;
    await newCollector().run();
    await putManifest(app, 'latest', image);
    time += 10 * hour;
    await newCollector().run();
    expect(await Promise.all(blobs.map(({ digest }) => isStored(digest)))).toEqual([true, true]);
  });

  describe.each([
    ['mirrored, then pushed', ['mirror', 'push']],
    ['pushed, then mirrored', ['push', 'mirror']],
  ] as const)('with a layer that was %s', (_, order) => {
    const holder = { repository: 'docker.io/library/a' as RepositoryName, upstream: 'docker.io', byLogin: false };
    let image: Awaited<ReturnType<typeof pushImage>>;

    beforeEach(async () => {
      const pushed = newImage();
      const layer = digestOf(pushed.layer);
      for (const step of order) {
        if (step === 'push') image = await pushImage(app, 'latest', pushed);
        else {
          await faulty.driver.put(blobKey(layer), pushed.layer);
          await metadata.mirroredContent.recordBlob([holder], layer, pushed.layer.length, time);
        }
      }
    });

    test('the deletion of the image leaves the layer to the mirror', async () => {
      await deleteManifest(app, image.digest);
      time += 10 * hour;
      await newCollector().run();
      expect([await isStored(image.digest), await isStored(image.layer)]).toEqual([false, true]);
      expect(await metadata.blobs.findLink(holder.repository, image.layer)).toBeDefined();
      expect(await metadata.blobs.findLink(app, image.layer)).toBeUndefined();
    });

    test('eviction from the mirror leaves the layer to the image', async () => {
      await metadata.mirrorSpace.evict(image.layer, time);
      time += 10 * hour;
      await newCollector().run();
      expect(await isStored(image.layer)).toBe(true);
      expect(await metadata.blobs.findLink(app, image.layer)).toBeDefined();
      expect(await metadata.blobs.findLink(holder.repository, image.layer)).toBeUndefined();
    });
  });

  test('bytes of a push that died before its record are deleted when its claim is over', async () => {
    const bytes = randomBytes(100);
    const push = storeThenRecord(
      { driver: faulty.driver, metadata, now: () => time },
      {
        digest: digestOf(bytes),
        store: () => faulty.driver.put(blobKey(digestOf(bytes)), bytes),
        record: () => Promise.reject(new Error('killed')),
      },
    );
    await expect(push).rejects.toThrow('killed');
    time += 2 * hour;
    expect(await newCollector().run()).toMatchObject({ purgedBlobs: 1 });
    expect(await stored()).toEqual([]);
  });

  test('bytes of a manifest that is refused in its transaction are deleted', async () => {
    const image = newImage();
    const put = registry.manifests.put(app, { tag: 'latest' } as never, [], Buffer.from(image.manifest), '', {
      keepTags: false,
      author,
    });
    await expect(put).rejects.toThrow();
    time += 2 * hour;
    await newCollector().run();
    expect(await stored()).toEqual([]);
  });

  test('the disk has so many bytes less as the collector reports', async () => {
    await pushImage(app, 'kept');
    const { digest } = await pushImage(app, 'deleted');
    const before = await diskBytes();
    await deleteManifest(app, digest);
    time += 2 * hour;
    const { purgedBlobs, purgedBytes } = await newCollector().run();
    expect([purgedBlobs, before - (await diskBytes())]).toEqual([3, purgedBytes]);
  });

  test('a run without anything due reads two records, and asks the blob store for nothing', async () => {
    await pushImage(app, 'latest');
    time += 2 * hour;
    await newCollector().run();
    const calls: string[] = [];
    const driver = new Proxy(faulty.driver, {
      get(target, name, receiver) {
        calls.push(`driver.${String(name)}`);
        return Reflect.get(target, name, receiver) as unknown;
      },
    });
    faulty = { ...faulty, driver };
    const counted = wrapOperations(metadata, (operation, id) => (...args) => {
      calls.push(id);
      return operation(...args);
    });
    expect(await newCollector(counted).run()).toMatchObject({ reviewed: 0 });
    expect(calls).toEqual(['collectionState.find', 'collection.step']);
  });

  test('a manifest that has lost its bytes keeps its layers, and its next push makes the image whole', async () => {
    const pushed = newImage();
    const image = await pushImage(app, 'latest', pushed);
    await faulty.driver.delete([blobKey(image.digest)]);
    time += 365 * 24 * hour;
    await createAuditor({ metadata, now: () => time }).proceed();
    await newCollector().run();
    expect([await isStored(image.digest), await isStored(image.layer)]).toEqual([false, true]);
    await putManifest(app, 'latest', pushed);
    expect(await stored()).toHaveLength(3);
  });

  test('a manifest that lost its tag stays', async () => {
    const images = [newImage(), newImage()] as const;
    const first = await pushImage(app, 'latest', images[0]);
    const second = await pushImage(app, 'latest', images[1]);
    for (let count = 0; count < 50; count++) await putManifest(app, 'latest', images[count % 2] ?? images[0]);
    expect(await metadata.manifests.findByTag(app, 'latest')).toMatchObject({ digest: second.digest });
    time += 10 * 365 * 24 * hour;
    await newCollector().run();
    expect([await isStored(first.digest), await isStored(first.layer)]).toEqual([true, true]);
  });
});

describe('garbage collection beside pushes', () => {
  test('a claim keeps the bytes, also without a grace', async () => {
    await metadata.collectionState.configure(0, null);
    const bytes = randomBytes(100);
    const digest = digestOf(bytes);
    const collector = newCollector();
    await storeThenRecord(
      { driver: faulty.driver, metadata, now: () => time },
      {
        digest,
        store: () => faulty.driver.put(blobKey(digest), bytes),
        async record(claimant) {
          await collector.run();
          return (await metadata.blobs.commit(app, digest, 100, '', time, claimant)) || claimLost;
        },
      },
    );
    expect(await isStored(digest)).toBe(true);
  });

  test('a writer whose claim was taken away stores its bytes again before it records them', async () => {
    const bytes = randomBytes(100);
    const digest = digestOf(bytes);
    let tries = 0;
    await storeThenRecord(
      { driver: faulty.driver, metadata, now: () => time },
      {
        digest,
        store: () => faulty.driver.put(blobKey(digest), bytes),
        async record(claimant) {
          if (tries++ === 0) {
            time += 3 * hour;
            await newCollector().run();
          }
          return (await metadata.blobs.commit(app, digest, 100, '', time, claimant)) || claimLost;
        },
      },
    );
    expect([tries, await isStored(digest)]).toEqual([2, true]);
  });

  test('a push waits while its bytes are being deleted, and is answered 503 with its session intact if that hangs', async () => {
    const bytes = randomBytes(100);
    const digest = await pushBlob(app, bytes);
    time += 2 * hour;
    let passed = 0;
    /** Lets the longest wait of a push pass when it finds the bytes being deleted. */
    const take = async (...args: Parameters<typeof metadata.claims.take>) => {
      const isTaken = await metadata.claims.take(...args);
      if (!isTaken) passed += 10_000;
      return isTaken;
    };
    const server = await serveRegistry(faulty.driver, { ...metadata, claims: { ...metadata.claims, take } });
    const measured = performance.now.bind(performance);
    const clock = jest.spyOn(performance, 'now').mockImplementation(() => measured() + passed);
    try {
      faulty.arm({ call: 1, kind: 'stall' });
      const collecting = newCollector().run();
      await until(() => Promise.resolve(faulty.happened()));
      const started = await call(server, 'POST', '/v2/app/blobs/uploads/');
      const location = started.header('location');
      await call(server, 'PATCH', location, { body: bytes });
      const finish = () => call(server, 'PUT', `${location}?digest=${digest}`);
      const refused = await finish();
      expect([refused.status, refused.header('retry-after')]).toEqual([503, '5']);
      faulty.release();
      await collecting;
      expect((await finish()).status).toBe(201);
      expect(await isStored(digest)).toBe(true);
    } finally {
      await server.close();
      clock.mockRestore();
    }
  });
});

describe('garbage collection that fails or waits', () => {
  test('a blob that the newest backup may need stays until a newer one begins', async () => {
    const digest = await pushBlob(app, randomBytes(100));
    time += 2 * hour;
    await metadata.backups.finish('first', time - hour, time);
    await newCollector().run();
    time += 24 * hour;
    await newCollector().run();
    expect(await isStored(digest)).toBe(true);
    await metadata.backups.finish('second', time, time);
    time += hour;
    await newCollector().run();
    expect(await isStored(digest)).toBe(false);
  });

  test('a blocked collector does nothing until the block ends', async () => {
    const digest = await pushBlob(app, randomBytes(100));
    time += 2 * hour;
    await metadata.collectionState.block('restore', time);
    expect(await newCollector().run()).toMatchObject({ reviewed: 0 });
    await metadata.collectionState.unblock('restore');
    await newCollector().run();
    expect(await isStored(digest)).toBe(false);
  });

  test.each(['step', 'finishPurges', 'isPurging', 'recordFailure'] as const)(
    'after the metadata store failed in %s a later run deletes the bytes and nothing else',
    async (name) => {
      const [kept, unneeded] = [await pushImage(app, 'latest'), await pushBlob(app, randomBytes(100))];
      time += 2 * hour;
      let failures = 0;
      const unavailable = () => {
        failures++;
        return Promise.reject(new MetadataError('unavailable', 'the database is away'));
      };
      const failing = { ...metadata, collection: { ...metadata.collection, [name]: unavailable } };
      if (name === 'recordFailure') faulty.arm({ call: 1, kind: 'fail' });
      // What fails for one object ends only its deletion, which is recorded as failed.
      const run = newCollector(failing).run();
      if (name === 'isPurging') expect(await run).toMatchObject({ purgedBlobs: 0, failures: 1 });
      else await expect(run).rejects.toMatchObject({ code: 'unavailable' });
      expect([failures, await isStored(kept.layer)]).toEqual([1, true]);
      faulty.disarm();
      time += hour;
      await newCollector().run();
      expect([await isStored(unneeded), await isStored(kept.layer), await stored()]).toMatchObject([false, true, { length: 3 }]);
    },
  );

  test('a run rests after a step as its rate says, before it decides more', async () => {
    for (let count = 0; count < 70; count++) await metadata.blobs.commit(app, digestOf(`b${count}`), 1, 'no upload', time);
    time += 2 * hour;
    let [steps, ended] = [0, 0];
    const counting = { ...metadata, collection: { ...metadata.collection, step: countStep } };
    async function countStep(...args: Parameters<typeof metadata.collection.step>) {
      steps++;
      const result = await metadata.collection.step(...args);
      ended++;
      return result;
    }
    const ending = new AbortController();
    const running = newCollector(counting, 0.001).run(ending.signal);
    await until(() => Promise.resolve(ended === 1));
    // Another step would come before these writes.
    for (let count = 0; count < 20; count++) await metadata.collectionState.unblock('adoption');
    expect(steps).toBe(1);
    ending.abort();
    expect(await running).toMatchObject({ reviewed: 64, unlinked: 64 });
  });

  test('a pause ends a run after its step', async () => {
    for (let count = 0; count < 200; count++) await metadata.blobs.commit(app, digestOf(`b${count}`), 1, 'no upload', time);
    time += 2 * hour;
    const pausing = { ...metadata, collection: { ...metadata.collection, step: stepAndPause } };
    async function stepAndPause(...args: Parameters<typeof metadata.collection.step>) {
      const result = await metadata.collection.step(...args);
      await metadata.collectionState.pause({ ...author, at: time });
      return result;
    }
    expect(await newCollector(pausing).run()).toMatchObject({ reviewed: 64 });
    expect((await metadata.reviews.countDue(time + 1, 1000)) > 0).toBe(true);
  });

  test('a paused collector does nothing until it is resumed', async () => {
    const digest = await pushBlob(app, randomBytes(100));
    time += 2 * hour;
    await metadata.collectionState.pause({ ...author, at: time });
    expect(await newCollector().run()).toMatchObject({ reviewed: 0 });
    await metadata.collectionState.resume({ ...author, at: time });
    await newCollector().run();
    expect(await isStored(digest)).toBe(false);
  });
});

describe.each([
  ['a folder', false],
  ['a bucket', true],
])('garbage collection over %s that fails', (_, isRemote) => {
  beforeEach(() => {
    // Bytes of a bucket are deleted in their place, by requests for several objects.
    const capabilities = { ...faulty.driver.capabilities, remote: isRemote };
    faulty = { ...faulty, driver: { ...faulty.driver, capabilities } };
  });

  test('a collector that stood still while it deleted bytes does not delete those that were stored since', async () => {
    const bytes = randomBytes(100);
    const digest = await pushBlob(app, bytes);
    time += 2 * hour;
    faulty.arm({ call: 1, kind: 'stall' });
    const late = newCollector().run();
    await until(() => Promise.resolve(faulty.happened()));
    time += hour;
    expect(await newCollector().run()).toMatchObject({ purgedBlobs: 1 });
    await pushBlob(app, bytes);
    faulty.release();
    expect(await late).toMatchObject({ purgedBlobs: 0, failures: 1 });
    await newTrash().empty();
    expect(await isStored(digest)).toBe(true);
  });

  test.each<StorageErrorCode>(['unavailable', 'not_found', 'denied'])(
    'a store that answers %s to a deletion ends the step; a later one deletes the bytes',
    async (code) => {
      const digest = await pushBlob(app, randomBytes(100));
      time += 2 * hour;
      for (let count = 1; count <= 3; count++) {
        faulty.arm({ call: count, kind: 'fail', code });
        await newCollector().run();
        time += hour;
      }
      faulty.disarm();
      time += 24 * hour;
      await newCollector().run();
      expect(await isStored(digest)).toBe(false);
      expect(await metadata.reviews.listFailed(10)).toEqual([]);
    },
  );

  test('the tenth failure sets a review aside, named, until it is retried', async () => {
    const digest = await pushBlob(app, randomBytes(100));
    time += 2 * hour;
    for (let count = 1; count <= 12; count++) {
      faulty.arm({ call: 1, kind: 'fail', code: 'denied' });
      await newCollector().run();
      time += 48 * hour;
    }
    faulty.disarm();
    expect(failed.map(({ isSetAside }) => isSetAside)).toEqual([...Array<boolean>(9).fill(false), true]);
    expect(await metadata.reviews.listFailed(10)).toMatchObject([{ digest, repository: null, failures: 10 }]);
    await metadata.reviews.retryFailed(time);
    await newCollector().run();
    expect(await isStored(digest)).toBe(false);
  });

  test('one deletion that the store refuses holds up no other', async () => {
    const [refused, unneeded] = [await pushBlob(app, randomBytes(100)), await pushBlob(app, randomBytes(100))];
    time += 2 * hour;
    const { driver } = faulty;
    const isRefused = (key: string) => key === blobKey(refused);
    const denied = new StorageError('denied', 'the store keeps it');
    const refusing: BlobDriver = {
      ...driver,
      move: (from, ...others) => (isRefused(from) ? Promise.reject(denied) : driver.move(from, ...others)),
      async deleteObjects(keys, assertHeld) {
        const failures = await driver.deleteObjects(
          keys.filter((key) => !isRefused(key)),
          assertHeld,
        );
        return keys.some(isRefused) ? new Map([...failures, [blobKey(refused), denied]]) : failures;
      },
    };
    faulty = { ...faulty, driver: refusing };
    expect(await newCollector().run()).toMatchObject({ purgedBlobs: 1, failures: 1 });
    expect([await isStored(refused), await isStored(unneeded)]).toEqual([true, false]);
    expect(failed).toEqual([{ digest: refused, isSetAside: false }]);
  });
});

describe('audits of garbage collection', () => {
  test('the first audit finds what an older version has left, and a later one finds nothing', async () => {
    const [kept, unneeded] = [await pushImage(app, 'latest'), await pushBlob(app, randomBytes(100))];
    const database = new DatabaseSync(join(directory, 'metadata.sqlite'));
    database.exec('DELETE FROM reviews');
    database.close();
    const auditor = createAuditor({ metadata, now: () => time });
    expect(await auditor.proceed()).toMatchObject({ missed: 0 });
    expect(await auditor.run(() => undefined)).toMatchObject({ missed: 0 });
    time += 2 * hour;
    expect(await newCollector().run()).toMatchObject({ purgedBlobs: 1 });
    expect([await isStored(unneeded), await isStored(kept.layer)]).toEqual([false, true]);
    expect((await metadata.collectionState.find()).auditedAt).toBe(time - 2 * hour);
  });

  test('an audit counts what it finds after the first one', async () => {
    const auditor = createAuditor({ metadata, now: () => time });
    await auditor.proceed();
    await pushBlob(app, randomBytes(100));
    const database = new DatabaseSync(join(directory, 'metadata.sqlite'));
    database.exec('DELETE FROM reviews');
    database.close();
    expect(await auditor.proceed()).toMatchObject({ rows: 0 });
    time += 8 * 24 * hour;
    expect(await auditor.proceed()).toMatchObject({ missed: 1 });
  });
});
