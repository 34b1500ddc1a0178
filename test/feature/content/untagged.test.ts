import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { loadConfig } from '../../../config/load.ts';
import { openMetadata } from '../../../src/assembly/metadata-store.ts';
import { createTrash } from '../../../src/content/trash.ts';
import { createAuditor } from '../../../src/maintenance/collect/audit.ts';
import { createEstimator } from '../../../src/maintenance/collect/estimate.ts';
import { createCollector } from '../../../src/maintenance/collect/collector.ts';
import type { RepositoryName } from '../../../src/oci/reference.ts';
import { createDeletionServices } from '../../../src/registry/deletion-services.ts';
import { createFilesystemDriver } from '../../../storage/blobs/filesystem/filesystem-driver.ts';
import type { BlobDriver } from '../../../storage/blobs/driver.ts';
import type { NewManifest } from '../../../storage/metadata/queries/manifests.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { digestOf } from '../../support/images.ts';
import { createMetadata } from '../../support/metadata.ts';
import { newManifest } from '../../support/new-manifest.ts';

const app = 'app' as RepositoryName;
const day = 24 * 3_600_000;
const month = 30 * day;

let directory: string;
let driver: BlobDriver;
let metadata: MetadataStore;
let dispose: () => Promise<void>;
let time: number;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-untagged-'));
  const database = await createMetadata();
  dispose = database.dispose;
  metadata = await openMetadata(loadConfig({ environment: { BERTH_STORAGE_BLOBS_DIRECTORY: directory, ...database.settings } }));
  driver = await createFilesystemDriver({ directory });
  time = 400 * day;
  await metadata.pulls.start(1);
  await configure(month);
});
afterEach(async () => {
  await metadata.close();
  await driver.close();
  await dispose();
  await rm(directory, { recursive: true });
});

const configure = (untaggedMs: number | null) => metadata.collectionState.configure(7_200_000, untaggedMs);
const author = () => ({ actor: 'alice', address: '', at: time });
const services = () =>
  createDeletionServices({
    metadata,
    now: () => time,
    acceptMissing: true,
    deletion: { kinds: ['manifests'], windowSeconds: 1e6 },
  });

/** Pushes a manifest whose digest is that of its name. */
async function push(name: string, fields: Partial<NewManifest> = {}): Promise<void> {
  await metadata.manifests.put(newManifest({ repository: app, digest: digestOf(name), now: time, author: author(), ...fields }));
}

const child = (name: string) => ({ digest: digestOf(name), sizeBytes: 1 });

/** Lets the time pass, and garbage collection decide what is due then. */
async function collectAfter(milliseconds: number): Promise<void> {
  time += milliseconds;
  const collector = createCollector({
    driver,
    metadata,
    trash: createTrash({ driver, metadata, now: () => time }),
    now: () => time,
    maxPerSecond: 100_000,
    trashWindowMs: month,
    events: { purged: () => undefined, trashed: () => undefined, failed: () => undefined },
  });
  await collector.run();
}

const isLive = async (name: string) => (await metadata.manifests.findByDigest(app, digestOf(name))) !== undefined;

async function trashed() {
  const entries = await metadata.trash.list(app, 1000, 100, time);
  return entries.map(({ digest, cause, actor, manifests }) => ({ digest, cause, actor, manifests }));
}

describe('a manifest without a tag', () => {
  test('goes into the trash when it was neither pushed nor untagged for the configured time', async () => {
    await push('one', { tags: ['latest'] });
    await collectAfter(2 * month);
    await push('two', { tags: ['latest'] });
    await push('three', { tags: [] });
    await collectAfter(month - 1);
    expect([await isLive('one'), await isLive('three')]).toEqual([true, true]);
    await collectAfter(1);
    expect([await isLive('one'), await isLive('two'), await isLive('three')]).toEqual([false, true, false]);
    expect(await trashed()).toContainEqual({
      digest: digestOf('one'),
      cause: 'untagged',
      actor: 'garbage collection',
      manifests: 1,
    });
  });

  test('stays while clients pull it, or an image that is a part of it', async () => {
    await push('child', { tags: [] });
    await push('index', { tags: [], children: [child('child')] });
    for (const name of ['index', 'child', 'child']) {
      time += month - 1;
      await metadata.pulls.record([{ repository: app, digest: digestOf(name), at: time }]);
      await collectAfter(0);
    }
    await collectAfter(month - 1);
    expect([await isLive('index'), await isLive('child')]).toEqual([true, true]);
    await collectAfter(1);
    expect([await isLive('index'), await isLive('child')]).toEqual([false, false]);
    expect(await trashed()).toMatchObject([{ digest: digestOf('index'), manifests: 2 }]);
  });

  test('stays while a hold, an index or its subject keeps it, and goes when they go', async () => {
    await push('held', { tags: [] });
    await push('child', { tags: [] });
    await push('index', { tags: ['index'], children: [child('child')] });
    await push('image', { tags: ['image'] });
    await push('signature', { tags: [], subject: digestOf('image') });
    await push('waiting', { tags: [], subject: digestOf('never here') });
    await services().holds.add(app, { digest: digestOf('held') }, { reason: 'audit', author: author() });
    await collectAfter(3 * month);
    const names = ['held', 'child', 'index', 'image', 'signature', 'waiting'];
    expect(await Promise.all(names.map(isLive))).toEqual([true, true, true, true, true, true]);
    await services().holds.remove(app, { digest: digestOf('held') }, author());
    for (const tag of ['index', 'image']) await metadata.tags.remove(app, tag, author());
    await collectAfter(month);
    expect(await Promise.all(names.map(isLive))).toEqual([false, false, false, false, false, true]);
  });

  test('stays until its hold ends', async () => {
    await push('held', { tags: [] });
    const until = time + 2 * month;
    await services().holds.add(app, { digest: digestOf('held') }, { reason: 'audit', until, author: author() });
    await collectAfter(month);
    await collectAfter(month - 1);
    expect(await isLive('held')).toBe(true);
    await collectAfter(1);
    expect(await isLive('held')).toBe(false);
  });

  test('that was restored stays for the configured time again', async () => {
    await push('one', { tags: [] });
    await collectAfter(month);
    const [entry] = await metadata.trash.list(app, 1000, 1, time);
    await services().trash.restore(app, entry?.id ?? 0);
    await collectAfter(month - 1);
    expect(await isLive('one')).toBe(true);
    await collectAfter(1);
    expect(await isLive('one')).toBe(false);
  });
});

describe('the estimate of what manifests without a tag take', () => {
  const layer = (name: string, sizeBytes: number) => ({ digest: digestOf(`layer ${name}`), sizeBytes });
  const [own, shared, elsewhere, unneeded] = [
    layer('own', 100),
    layer('shared', 200),
    layer('elsewhere', 400),
    layer('unneeded', 800),
  ];

  test('counts manifests that are old enough with their own blobs, what the trash takes, and blobs without a manifest', async () => {
    for (const { digest, sizeBytes } of [own, shared, elsewhere, unneeded])
      await metadata.blobs.commit(app, digest, sizeBytes, 'no upload', time);
    await metadata.blobs.mount(app, 'other' as RepositoryName, elsewhere.digest, author());
    await push('old', { tags: [], blobs: [own, shared, elsewhere] });
    await push('tagged', { tags: ['1'], blobs: [shared] });
    await push('deleted', { tags: [], blobs: [unneeded] });
    await services().deletions.manifest(app, digestOf('deleted'));
    time += month;
    await push('young', { tags: [], blobs: [shared] });
    const { repositories } = await createEstimator(metadata, () => time).list('', 1, month);
    expect(repositories).toEqual([
      {
        repository: app,
        waiting: { count: 0, bytes: 0 },
        trash: { count: 1, bytes: 801 },
        untagged: { count: 1, bytes: 101 },
      },
    ]);
    await services().trash.empty({ repository: app });
    await metadata.blobs.commit(app, unneeded.digest, 800, 'no upload', time);
    expect((await createEstimator(metadata, () => time).list('', 1, month)).repositories).toMatchObject([
      { waiting: { count: 1, bytes: 800 }, trash: { count: 0, bytes: 0 } },
    ]);
  });
});

describe('the time for manifests without a tag', () => {
  test('that is set later holds for manifests that are there already, from the start of the recording of pulls on', async () => {
    await configure(null);
    await push('one', { tags: [] });
    await collectAfter(2 * month);
    await metadata.pulls.restart(time);
    await configure(month);
    expect(await createAuditor({ metadata, now: () => time }).run(() => undefined)).toMatchObject({ missed: 1 });
    await collectAfter(month - 1);
    expect(await isLive('one')).toBe(true);
    await collectAfter(1);
    expect(await isLive('one')).toBe(false);
  });

  test('that is set makes the audit begin again, and one that is only changed does not', async () => {
    const auditor = createAuditor({ metadata, now: () => time });
    const isAuditDue = async () => (await metadata.collectionState.find()).auditedAt === null;
    await auditor.proceed();
    await configure(2 * month);
    expect(await isAuditDue()).toBe(false);
    await configure(null);
    expect(await isAuditDue()).toBe(false);
    await configure(month);
    expect(await isAuditDue()).toBe(true);
  });

  test('that is removed keeps every manifest, and its reviews go', async () => {
    await push('one', { tags: [] });
    await configure(null);
    await collectAfter(10 * month);
    expect([await isLive('one'), await metadata.reviews.countDue(Number.MAX_SAFE_INTEGER, 10)]).toEqual([true, 0]);
  });
});
