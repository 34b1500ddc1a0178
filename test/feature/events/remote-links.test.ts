import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import type { EventHandler } from '../../../src/events/consumer.ts';
import { exportLinks } from '../../../src/maintenance/export/export-links.ts';
import { createLinkHandler } from '../../../src/maintenance/export/link-consumer.ts';
import type { Digest } from '../../../src/oci/digest.ts';
import { mediaTypes } from '../../../src/oci/media-types.ts';
import type { RepositoryName, Tag } from '../../../src/oci/reference.ts';
import { type Registry, createRegistry } from '../../../src/registry/registry.ts';
import { currentLink, layerLink, linksMarker } from '../../../storage/blobs/distribution-links.ts';
import { type BlobDriver, StorageError } from '../../../storage/blobs/driver.ts';
import { createFilesystemDriver } from '../../../storage/blobs/filesystem/filesystem-driver.ts';
import { createSqliteStore } from '../../../storage/metadata/sqlite/sqlite-store.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { digestOf, newImage } from '../../support/images.ts';

const layers = ['base', 'app'] as const;

let directory: string;
let metadata: MetadataStore;
let files: BlobDriver;
let registry: Registry;
/** Calls of the store at which links are kept. */
let calls: string[];
/** Changes of the store that succeed before one fails. */
let changesBeforeFailure: number;
let remote: BlobDriver;
let repository: RepositoryName;
let repositories = 0;
const opened: BlobDriver[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-remote-links-'));
  metadata = await createSqliteStore({ file: join(directory, 'metadata.sqlite') });
  files = await createFilesystemDriver({ directory: join(directory, 'blobs') });
  registry = createRegistry({ driver: files, metadata, now: Date.now, acceptMissing: false });
});
afterAll(async () => {
  await registry.uploads.close();
  for (const driver of [files, ...opened]) await driver.close();
  await metadata.close();
  await rm(directory, { recursive: true });
});
beforeEach(async () => {
  repository = `team/app${repositories++}` as RepositoryName;
  remote = await openRemote();
});

/** Opens an empty store for links. */
async function openRemote(): Promise<BlobDriver> {
  calls = [];
  changesBeforeFailure = Infinity;
  const links = await createFilesystemDriver({ directory: await mkdtemp(join(directory, 'links-')) });
  opened.push(links);
  const change = async <Result>(name: string, work: () => Promise<Result>): Promise<Result> => {
    calls.push(name);
    if (changesBeforeFailure-- === 0) throw new StorageError('unavailable', 'a moment without the store');
    return work();
  };
  const look = <Result>(name: string, work: () => Result): Result => {
    calls.push(name);
    return work();
  };
  return {
    ...links,
    capabilities: { ...links.capabilities, remote: true },
    put: (key, bytes, options) => change(`put ${key}`, () => links.put(key, bytes, options)),
    delete: (keys) => change(`delete ${keys.join()}`, () => links.delete(keys)),
    stat: (key) => look(`stat ${key}`, () => links.stat(key)),
    read: (key, range) => look(`read ${key}`, () => links.read(key, range)),
    list: (prefix, options) => look(`list ${prefix}`, () => links.list(prefix, options)),
  };
}

/** Pushes an image of the layers, and returns its digest. */
async function push(tag: string, some: readonly string[] = layers): Promise<Digest> {
  const image = newImage();
  for (const bytes of [...some, image.config]) {
    await metadata.blobs.commit(repository, digestOf(bytes), bytes.length, 'no upload', Date.now());
  }
  const manifest = JSON.stringify({
    ...(JSON.parse(image.manifest) as object),
    layers: some.map((bytes) => ({ mediaType: mediaTypes.ociManifest, digest: digestOf(bytes), size: bytes.length })),
  });
  await registry.manifests.put(repository, { tag: tag as Tag }, [], Buffer.from(manifest), mediaTypes.ociManifest);
  return digestOf(manifest);
}

/** Deletes an image for good, with its layers. */
async function remove(image: Digest): Promise<void> {
  await registry.deletions.manifest(repository, image);
  await registry.trash.empty({ repository });
}

/** A process that handles events. */
function openReplica(): { deliver(after: number, last?: number): Promise<number> } {
  const handler: EventHandler = createLinkHandler({ driver: remote, metadata });
  return {
    /** Handles the events after the id; resolves to the id of the last one. */
    async deliver(after, last = Number.MAX_SAFE_INTEGER) {
      const events = await metadata.events.list(after, last, 1000);
      await handler.handle(events, { after, assertHeld: () => undefined, signal: new AbortController().signal });
      return events.at(-1)?.id ?? after;
    },
  };
}

const linkOf = (layer: string) => layerLink(repository, digestOf(layer));
const writesOf = (layer: string) => calls.filter((call) => call === `put ${linkOf(layer)}`).length;

/** True if the links are those of the metadata store. */
async function areComplete(): Promise<boolean> {
  let differences = 0;
  const count = (report: { missing: number; wrong: number; extra: number; repository: string }) => {
    if (report.repository === repository) differences += report.missing + report.wrong + report.extra;
  };
  await exportLinks({ driver: remote, metadata, isDry: true, prune: false, onRepository: count });
  return differences === 0;
}

test('a link at a remote store costs one request, and a layer that the repository has already costs none', async () => {
  const replica = openReplica();
  const start = await metadata.events.newest();
  await push('1');
  const first = await replica.deliver(start);
  // The marker, two layers and a configuration, a revision and two links of a tag.
  expect(calls.filter((call) => call.startsWith('put')).length).toBe(7);
  expect(calls.filter((call) => !call.startsWith('put'))).toEqual([`stat ${linksMarker}`]);
  calls = [];
  await push('2', ['base', 'new']);
  await replica.deliver(first);
  expect(calls.length).toBe(5);
  expect([writesOf('base'), writesOf('new')]).toEqual([0, 1]);
  expect(calls.at(-1)).toBe(`put ${currentLink(repository, '2')}`);
  expect(await areComplete()).toBe(true);
});

test('a process writes a layer again after another process has deleted its link', async () => {
  const [one, two] = [openReplica(), openReplica()];
  const start = await metadata.events.newest();
  const image = await push('1');
  const first = await one.deliver(start);
  await remove(image);
  const second = await two.deliver(first);
  expect(await remote.stat(linkOf('base')).then(Boolean, () => false)).toBe(false);
  await push('2');
  await one.deliver(second);
  expect(writesOf('base')).toBe(2);
  expect(await areComplete()).toBe(true);
});

test('a layer that was deleted and pushed again is written again, although an export has deleted its link meanwhile', async () => {
  const replica = openReplica();
  const start = await metadata.events.newest();
  const image = await push('1');
  const first = await replica.deliver(start);
  await remove(image);
  await exportLinks({ driver: remote, metadata, isDry: false, prune: true, onRepository: () => undefined });
  await push('2');
  await replica.deliver(first);
  expect(writesOf('base')).toBe(2);
  expect(await areComplete()).toBe(true);
});

test('a process whose writes fail at any link completes the links when it handles the events again', async () => {
  const start = await metadata.events.newest();
  await push('1');
  const first = await metadata.events.newest();
  await push('2', ['base', 'new']);
  await registry.deletions.tag(repository, '1' as Tag);
  let failures = 0;
  for (let isDone = false; !isDone; failures++) {
    remote = await openRemote();
    const replica = openReplica();
    await replica.deliver(start, first);
    changesBeforeFailure = failures;
    const handled = await replica.deliver(first).catch(() => undefined);
    changesBeforeFailure = Infinity;
    isDone = handled !== undefined;
    if (!isDone) await replica.deliver(first);
    expect(await areComplete()).toBe(true);
  }
  expect(failures).toBeGreaterThan(5);
});
