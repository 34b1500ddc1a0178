import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createFilesystemDriver } from '../../storage/blobs/filesystem/filesystem-driver.ts';
import type { BlobDriver } from '../../storage/blobs/driver.ts';
import { createSqliteStore } from '../../storage/metadata/sqlite/sqlite-store.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import { createQuotaCounter } from '../../src/maintenance/quotas/counter.ts';
import { yieldTrashToDisk } from '../../src/maintenance/quotas/disk-yield.ts';
import { type Registry, createRegistry } from '../../src/registry/registry.ts';
import { createAdmission } from '../../src/registry/quotas/admission.ts';
import { type Plain, plain } from '../support/plain.ts';
import { type TestImage, digestOf, newImage } from '../support/images.ts';

const hour = 3_600_000;
const limitBytes = 100_000;

let directory: string;
let driver: BlobDriver;
let metadata: MetadataStore;
let registry: Plain<Registry>;
let time: number;
const now = () => time;

beforeEach(async () => {
  time = 1_000_000;
  directory = await mkdtemp(join(tmpdir(), 'berth-yield-'));
  driver = await createFilesystemDriver({ directory });
  metadata = await createSqliteStore({ file: join(directory, 'metadata.sqlite') });
  // Twice a grace of an hour.
  await metadata.collectionState.configure(2 * hour, null);
  const rule = { name: 'whole', match: ['**'], per: 'all', maxBytes: limitBytes, maxTags: null } as const;
  await metadata.quotaRules.configure([rule]);
  await createQuotaCounter(metadata).run();
  const events = { exceeded: () => undefined, yielded: () => undefined };
  const admission = createAdmission({ metadata, now, events });
  registry = plain(createRegistry({ driver, metadata, now, acceptMissing: false, admission }));
});
afterEach(async () => {
  await registry.uploads.close();
  await metadata.close();
  await driver.close();
  await rm(directory, { recursive: true });
});

async function* body(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}

const pushBlob = (bytes: Uint8Array) => registry.uploads.put('app', digestOf(bytes), { body: body(bytes), length: bytes.length });

const putManifest = ({ manifest }: TestImage, tag: string) =>
  registry.manifests.put('app', { tag } as never, [], Buffer.from(manifest), 'application/vnd.oci.image.manifest.v1+json');

async function push(image: TestImage, tag: string): Promise<void> {
  await pushBlob(image.layer);
  await pushBlob(Buffer.from(image.config));
  await putManifest(image, tag);
}

/** Decides all due reviews, as the collector does. */
async function review(): Promise<void> {
  while ((await metadata.collection.step({ now: time, limit: 64, purger: 'p', until: time })).reviewed > 0);
}

const has = async (bytes: Uint8Array) => (await metadata.blobs.findLink('app' as never, digestOf(bytes))) !== undefined;

test('a push at full quota that reuses a trashed layer finds it until the grace is over', async () => {
  const [reused, unused] = [newImage({}, 30_000), newImage({}, 30_000)];
  for (const image of [reused, unused]) {
    await push(image, image.digest.slice(7, 20));
    await registry.deletions.manifest('app', image.digest);
  }
  // The uploads were told to exist, too: the trash yields nothing until their grace is over.
  await expect(pushBlob(Buffer.alloc(50_000))).rejects.toMatchObject({ code: 'DENIED', status: 403 });
  time += 3 * hour;
  await review();
  expect(await registry.blobs.keep('app', digestOf(reused.layer))).toBe(30_000);
  expect(await registry.blobs.keep('app', digestOf(reused.config))).toBe(reused.config.length);
  time += hour - 2000;
  await pushBlob(Buffer.alloc(50_000));
  expect([await has(reused.layer), await has(unused.layer)]).toEqual([true, false]);
  time += 1000;
  await putManifest(reused, 'again');
  time += 3 * hour;
  await review();
  expect([await has(reused.layer), await has(Buffer.from(reused.config))]).toEqual([true, true]);
});

test('a disk with less than 5 % free deletes the oldest trash until its content makes up for what is missing', async () => {
  const images = [newImage({}, 20_000), newImage({}, 20_000), newImage({}, 20_000)];
  for (const image of images) {
    await push(image, image.digest.slice(7, 20));
    await registry.deletions.manifest('app', image.digest);
  }
  time += 3 * hour;
  await review();
  let freeBytes = 50_000;
  const yielded: number[] = [];
  const author = { actor: '', address: '', at: time };
  const run = () =>
    yieldTrashToDisk({
      metadata,
      measureDisk: () => Promise.resolve({ freeBytes, totalBytes: 1_000_000 }),
      now,
      onYielded: (manifests) => yielded.push(manifests),
    });
  const left = async () => (await metadata.trash.list(undefined, Number.MAX_SAFE_INTEGER, 10, time)).length;
  await run();
  expect(await left()).toBe(3);
  freeBytes = 49_999;
  await metadata.collectionState.pause(author);
  await run();
  expect(await left()).toBe(3);
  await metadata.collectionState.resume(author);
  await run();
  expect([await left(), yielded]).toEqual([2, [1]]);
  // Until garbage collection has deleted the bytes, nothing more is given up.
  await run();
  expect(await left()).toBe(2);
  await review();
  const purged = [images[0]?.layer, images[0]?.config, images[0]?.manifest].map((bytes) => digestOf(bytes ?? ''));
  const purges = purged.map((digest) => ({ digest, mayReturn: false }));
  await metadata.collection.finishPurges('p', purges, time, time);
  freeBytes = 20_000;
  await run();
  expect([await left(), yielded]).toEqual([0, [1, 1, 1]]);
});
