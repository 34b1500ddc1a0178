import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createTrash } from '../../../src/content/trash.ts';
import { createLeases } from '../../../src/coordination/leases.ts';
import { createBackupStore } from '../../../src/maintenance/backup/backup-store.ts';
import { type Backups, createBackups } from '../../../src/maintenance/backup/backups.ts';
import { drill } from '../../../src/maintenance/backup/drill.ts';
import { finishRestore } from '../../../src/maintenance/backup/finish-restore.ts';
import { restoreBackup } from '../../../src/maintenance/backup/restore.ts';
import { scheduleBackups } from '../../../src/maintenance/backup/scheduled-backups.ts';
import { createCollector } from '../../../src/maintenance/collect/collector.ts';
import type { BlobDriver } from '../../../storage/blobs/driver.ts';
import { createFilesystemDriver } from '../../../storage/blobs/filesystem/filesystem-driver.ts';
import { createSqliteStore } from '../../../storage/metadata/sqlite/sqlite-store.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { createRegistry } from '../../../src/registry/registry.ts';
import { call } from '../../support/call.ts';
import { pushImage } from '../../support/images.ts';
import { type RegistryServer, serveRegistry } from '../../support/registry-server.ts';

const day = 24 * 3_600_000;

let directory: string;
let driver: BlobDriver;
let metadata: MetadataStore;
let server: RegistryServer;
let time: number;
const now = () => time;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-backup-'));
  driver = await createFilesystemDriver({ directory });
  metadata = await createSqliteStore({ file: join(directory, 'metadata.sqlite') });
  server = await serveRegistry(driver, metadata);
  time = Date.now();
});
afterEach(async () => {
  await server.close();
  await metadata.close();
  await driver.close();
  await rm(directory, { recursive: true });
});

const store = () => createBackupStore(driver, 'backups/', 'the store');
const workDirectory = () => join(directory, 'work');

const newBackups = (keep = 2): Backups =>
  createBackups({
    store: store(),
    metadata,
    keep,
    now,
    passphrase: undefined,
    workDirectory: workDirectory(),
    source: { file: join(directory, 'metadata.sqlite') },
    leases: createLeases({ metadata, now }),
  });

async function backUp(): Promise<string> {
  time += 1;
  const { name, done } = await newBackups().begin();
  await done;
  return name;
}

async function collect(from: MetadataStore = metadata): Promise<number> {
  const collector = createCollector({
    driver,
    metadata: from,
    now,
    trash: createTrash({ driver, metadata: from, now }),
    maxPerSecond: 1_000_000,
    trashWindowMs: day,
    events: { purged: () => undefined, trashed: () => undefined, failed: (_digest, error) => fail(error) },
  });
  return (await collector.run()).purgedBlobs;
}

function fail(error: unknown): never {
  throw error;
}

const drillOf = (name: string) =>
  drill({
    driver,
    now,
    passphrase: undefined,
    workDirectory: workDirectory(),
    bytes: store().read(name),
    sample: 10,
    onImage: () => undefined,
  });

async function deleteTag(tag: string): Promise<void> {
  const { digest } = (await metadata.manifests.findByTag('app' as never, tag)) ?? fail(new Error('no tag'));
  await metadata.deletions.put({
    repository: 'app' as never,
    digest,
    windowMilliseconds: 0,
    reason: '',
    cause: 'delete',
    author: { actor: '', address: '', at: time },
  });
}

test('the newest backup restores whole after its images were deleted and collected; an older one need not', async () => {
  await pushImage(server, 'app', '1');
  const first = await backUp();
  await deleteTag('1');
  time += day;
  expect(await collect()).toBe(0);
  expect(await drillOf(first)).toMatchObject({
    comparison: { missing: 0 },
    images: [{ image: 'app:1', manifests: 1, error: null }],
  });

  await pushImage(server, 'app', '2');
  const second = await backUp();
  time += day;
  expect(await collect()).toBe(3);
  expect(await drillOf(second)).toMatchObject({ comparison: { missing: 0 }, images: [{ image: 'app:2', error: null }] });
  const { comparison, images } = await drillOf(first);
  expect(comparison).toMatchObject({ missing: 3 });
  expect(images[0]?.error).toContain('sha256:');
});

test('what a person deletes for good is deleted although a backup needs it', async () => {
  await pushImage(server, 'app', '1');
  await backUp();
  const { digest } = (await metadata.manifests.findByTag('app' as never, '1')) ?? fail(new Error('no tag'));
  await metadata.deletions.put({
    repository: 'app' as never,
    digest,
    windowMilliseconds: day,
    reason: '',
    cause: 'delete',
    author: { actor: '', address: '', at: time },
  });
  const { trash } = createRegistry({ driver, metadata, now, acceptMissing: false });
  await trash.empty({});
  time += 1;
  expect(await collect()).toBe(3);
});

test('a restored database collects nothing until the restore is finished, and counts pulls from then on', async () => {
  await pushImage(server, 'app', '1');
  const name = await backUp();
  const file = join(directory, 'restored.sqlite');
  time += 30 * day;
  await restoreBackup({
    bytes: store().read(name),
    target: { file },
    passphrase: undefined,
    workDirectory: workDirectory(),
    now,
    onTable: () => undefined,
  });
  const restored = await createSqliteStore({ file });
  expect(await restored.collectionState.find()).toMatchObject({ blockedBy: 'restore' });
  expect(await restored.pulls.findStart()).toBe(time);
  await restored.deletions.put({
    repository: 'app' as never,
    digest: (await restored.manifests.findByTag('app' as never, '1'))?.digest as never,
    windowMilliseconds: 0,
    reason: '',
    cause: 'delete',
    author: { actor: '', address: '', at: time },
  });
  time += 30 * day;
  expect(await collect(restored)).toBe(0);
  const ignore = () => undefined;
  const finished = await finishRestore({
    driver,
    metadata: restored,
    store: store(),
    now,
    maxManifestBytes: 1_000_000,
    writesLinks: false,
    hasRows: true,
    onLinks: ignore,
    onProgress: ignore,
    onMissing: ignore,
    signal: new AbortController().signal,
  });
  expect(finished).toMatchObject({ missing: 0, fromLinks: false });
  // The backup that was restored is the newest one of the new database too: it needs the image that was deleted since.
  expect(await restored.backups.findNewest()).toMatchObject({ name });
  expect(await collect(restored)).toBe(0);
  time += day;
  await restored.backups.finish('newer', time, time);
  time += day;
  expect(await collect(restored)).toBe(3);
  await restored.close();
});

test('a backup is made when it is due, and again later and later after failures', async () => {
  const made: string[] = [];
  let failure: Error | undefined;
  const backups = newBackups(1);
  const run = scheduleBackups({
    backups: {
      ...backups,
      begin: (options) => (failure ? Promise.reject(failure) : backups.begin(options)),
    },
    schedule: { kind: 'interval', milliseconds: day },
    now,
    onDone: ({ name }) => made.push(name),
    closing: new AbortController().signal,
  });
  await run();
  await run();
  expect(made).toHaveLength(1);
  time += day;
  failure = new Error('no space');
  await expect(run()).rejects.toThrow('no space');
  await run();
  time += 60_000;
  await expect(run()).rejects.toThrow('no space');
  failure = undefined;
  time += 60_000;
  await run();
  expect(made).toHaveLength(1);
  time += 60_000;
  await run();
  expect(made).toHaveLength(2);
  expect((await store().list()).map(({ name }) => name)).toEqual([made[1]]);
});

test('a second backup is refused while one runs, and a failed one leaves no record and no file', async () => {
  const { done } = await newBackups().begin();
  await expect(newBackups().begin()).rejects.toThrow('another backup is running');
  await done;
  const stopping = new AbortController();
  time += 1;
  const failing = await newBackups().begin({ signal: stopping.signal });
  stopping.abort(new Error('stopped'));
  await expect(failing.done).rejects.toThrow('stopped');
  expect(await store().list()).toHaveLength(1);
  expect((await metadata.backups.findNewest())?.name).toBe((await store().list())[0]?.name);
  expect((await call(server, 'GET', '/v2/')).status).toBe(200);
});
