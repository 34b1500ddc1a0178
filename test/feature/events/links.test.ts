import { cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createLinkHandler } from '../../../src/maintenance/export/link-consumer.ts';
import { readLink } from '../../../src/maintenance/export/repository-links.ts';
import { mediaTypes } from '../../../src/oci/media-types.ts';
import type { Registry } from '../../../src/registry/registry.ts';
import { createRegistry } from '../../../src/registry/registry.ts';
import type { RepositoryName, Tag } from '../../../src/oci/reference.ts';
import { layerLink, linksMarker, repositoriesPrefix } from '../../../storage/blobs/distribution-links.ts';
import { type BlobDriver, StorageError } from '../../../storage/blobs/driver.ts';
import { createFilesystemDriver } from '../../../storage/blobs/filesystem/filesystem-driver.ts';
import { createSqliteStore } from '../../../storage/metadata/sqlite/sqlite-store.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { type TestImage, digestOf, newImage, newIndex } from '../../support/images.ts';

const app = 'team/app' as RepositoryName;
const other = 'other' as RepositoryName;
const author = { actor: '', address: '', at: 1 };

let directory: string;
let metadata: MetadataStore;
let registry: Registry;
/** What each manifest needs: layers and children. */
const needs = new Map<string, { readonly layers: readonly string[]; readonly children: readonly string[] }>();
const [one, two, three] = [newImage(), newImage(), newImage()];
const index = newIndex([one, two]);

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-links-'));
  metadata = await createSqliteStore({ file: join(directory, 'metadata.sqlite') });
  const driver = await createFilesystemDriver({ directory: join(directory, 'blobs') });
  registry = createRegistry({ driver, metadata, now: Date.now, acceptMissing: false });
  for (const image of [one, two, three]) {
    needs.set(digestOf(image.manifest), { layers: [digestOf(image.layer), digestOf(image.config)], children: [] });
  }
  needs.set(digestOf(index), { layers: [], children: [digestOf(one.manifest), digestOf(two.manifest)] });
});
afterAll(async () => {
  await registry.uploads.close();
  await metadata.close();
  await rm(directory, { recursive: true });
});

async function push(repository: RepositoryName, image: TestImage, tag: string): Promise<void> {
  for (const bytes of [image.layer, image.config]) {
    await metadata.blobs.commit(repository, digestOf(bytes), bytes.length, 'no upload', 1);
  }
  await putManifest(repository, image.manifest, mediaTypes.ociManifest, tag);
}
const putManifest = (repository: RepositoryName, manifest: string, type: string, tag: string) =>
  registry.manifests.put(repository, { tag: tag as Tag }, [], Buffer.from(manifest), type);

const events = () => metadata.events.list(0, Number.MAX_SAFE_INTEGER, 1000);
const delivery = { after: 0, assertHeld: () => undefined, signal: new AbortController().signal };

let folders = 0;
const newFolder = () => join(directory, `links-${folders++}`);

/** Handles all events with links in the folder. */
async function deliver(folder: string, wrap: (driver: BlobDriver) => BlobDriver = (driver) => driver): Promise<void> {
  const driver = await createFilesystemDriver({ directory: folder });
  try {
    await createLinkHandler({ driver: wrap(driver), metadata }).handle(await events(), delivery);
  } finally {
    await driver.close();
  }
}

/** Links by their path below `repositories/`. */
async function linksIn(folder: string): Promise<ReadonlyMap<string, string>> {
  const driver = await createFilesystemDriver({ directory: folder });
  const links = new Map<string, string>();
  for await (const key of driver.list(repositoriesPrefix)) {
    links.set(key.slice(repositoriesPrefix.length), (await readLink(driver, key)) ?? '');
  }
  await driver.close();
  return links;
}

const pathOf = (digest: string) => `${digest.replace(':', '/')}/link`;

/** What another registry would miss: links that the links of a tag or of a manifest lead to. */
function danglingLinks(links: ReadonlyMap<string, string>): readonly string[] {
  const missing: string[] = [];
  const need = (path: string) => {
    if (!links.has(path)) missing.push(path);
  };
  for (const [path, digest] of links) {
    const [, repository = '', kind = ''] = /^(.+)\/(_manifests\/\w+|_layers)\//.exec(path) ?? [];
    if (path.endsWith('/current/link')) need(`${repository}/_manifests/revisions/${pathOf(digest)}`);
    if (kind !== '_manifests/revisions') continue;
    for (const layer of needs.get(digest)?.layers ?? []) need(`${repository}/_layers/${pathOf(layer)}`);
    for (const child of needs.get(digest)?.children ?? []) need(`${repository}/_manifests/revisions/${pathOf(child)}`);
  }
  return missing;
}

const layersOf = (repository: string, ...images: readonly TestImage[]) =>
  images.flatMap(({ layer, config }) => [layer, config].map((bytes) => `${repository}/_layers/${pathOf(digestOf(bytes))}`));
const revisionsOf = (repository: string, ...manifests: readonly string[]) =>
  manifests.map((manifest) => `${repository}/_manifests/revisions/${pathOf(digestOf(manifest))}`);
const tagOf = (repository: string, tag: string, ...manifests: readonly string[]) => [
  `${repository}/_manifests/tags/${tag}/current/link`,
  ...manifests.map((manifest) => `${repository}/_manifests/tags/${tag}/index/${pathOf(digestOf(manifest))}`),
];

/** Returns a driver whose change number `fatal` fails, before or after it is done, as all later ones do: the process is dead. */
function dying(driver: BlobDriver, fatal: number, isDone: boolean, onDeath: () => void): BlobDriver {
  let changes = 0;
  async function change<Result>(work: () => Promise<Result>): Promise<Result> {
    const number = ++changes;
    if (number < fatal || (number === fatal && isDone)) {
      const result = await work();
      if (number < fatal) return result;
    }
    onDeath();
    throw new StorageError('unavailable', 'the process is dead');
  }
  return {
    ...driver,
    put: (...args) => change(() => driver.put(...args)),
    delete: (keys) => change(() => driver.delete(keys)),
    removeEmptyFolders: (prefix) => change(async () => driver.removeEmptyFolders?.(prefix)),
  };
}

/** Lets the process die at each change of the store in turn, resumes, and returns the number of changes. */
async function dieAtEachChange(from: string | undefined, expected: ReadonlyMap<string, string>): Promise<number> {
  for (let fatal = 1; ; fatal++) {
    const deaths: number[] = [];
    for (const isDone of [false, true]) {
      const before = deaths.length;
      const folder = newFolder();
      if (from !== undefined) await cp(from, folder, { recursive: true });
      const died = deliver(folder, (driver) => dying(driver, fatal, isDone, () => deaths.push(fatal)));
      await died.catch((error: unknown) => {
        if (deaths.length === before) throw error;
      });
      expect(danglingLinks(await linksIn(folder))).toEqual([]);
      await deliver(folder);
      expect(await linksIn(folder)).toEqual(expected);
    }
    if (deaths.length === 0) return fatal - 1;
  }
}

describe('links of the layout of Distribution', () => {
  let afterPushes: string;

  test('lead a registry to all that was pushed, wherever their writing breaks off', async () => {
    await push(app, one, '1');
    await push(app, two, 'latest');
    await putManifest(app, index, mediaTypes.ociIndex, 'latest');
    await metadata.blobs.mount(app, other, digestOf(one.layer), author);
    await deliver((afterPushes = newFolder()));
    const links = await linksIn(afterPushes);
    expect([...links.keys()].sort()).toEqual(
      [
        ...layersOf(app, one, two),
        ...revisionsOf(app, one.manifest, two.manifest, index),
        ...tagOf(app, '1', one.manifest),
        ...tagOf(app, 'latest', index),
        `${other}/_layers/${pathOf(digestOf(one.layer))}`,
      ].sort(),
    );
    expect(links.get(`${app}/_manifests/tags/latest/current/link`)).toBe(digestOf(index));
    expect(await dieAtEachChange(undefined, links)).toBeGreaterThan(10);
  });

  test('follow deletions and moved tags, wherever that breaks off, and leave no empty folder', async () => {
    await push(app, three, '1');
    await registry.deletions.tag(app, 'latest' as Tag);
    await registry.deletions.manifest(app, digestOf(index));
    await registry.blobs.unlink(other, digestOf(one.layer));
    const folder = newFolder();
    await cp(afterPushes, folder, { recursive: true });
    await deliver(folder);
    const links = await linksIn(folder);
    expect([...links.keys()].sort()).toEqual(
      [
        ...layersOf(app, one, two, three),
        // The children of the index were deleted with it: nothing else kept them.
        ...revisionsOf(app, three.manifest),
        ...tagOf(app, '1', one.manifest, three.manifest),
      ].sort(),
    );
    expect(links.get(`${app}/_manifests/tags/1/current/link`)).toBe(digestOf(three.manifest));
    expect(await readdir(join(folder, repositoriesPrefix, app, '_manifests/tags'))).toEqual(['1']);
    expect(await dieAtEachChange(afterPushes, links)).toBeGreaterThan(10);
  }, 60_000);

  test('are not written for mirrored repositories', async () => {
    const mirrored = 'mirrored' as RepositoryName;
    const upstream = { repository: mirrored, upstream: 'docker.io', byLogin: false };
    await metadata.mirroredContent.recordManifest({
      ...upstream,
      digest: digestOf('m'),
      mediaType: 'm',
      sizeBytes: 1,
      artifactType: null,
      subject: null,
      annotations: null,
      tags: ['1'],
      now: 1,
      promises: [],
    });
    await metadata.tags.remove(mirrored, 'x', author);
    await metadata.tags.remove(mirrored, '1', author);
    const folder = newFolder();
    await deliver(folder);
    expect([...(await linksIn(folder)).keys()].filter((path) => path.startsWith('mirrored'))).toEqual([]);
  });

  test('are marked as written by berth', async () => {
    const driver = await createFilesystemDriver({ directory: afterPushes });
    expect((await driver.stat(linksMarker)).sizeBytes).toBeGreaterThan(0);
    await driver.close();
  });

  test('are not written by a process that has lost its lease', async () => {
    const folder = newFolder();
    const driver = await createFilesystemDriver({ directory: folder });
    const lost = () => {
      throw new StorageError('unavailable', 'the lease was lost');
    };
    const handled = createLinkHandler({ driver, metadata }).handle(await events(), { ...delivery, assertHeld: lost });
    await expect(handled).rejects.toThrow('the lease was lost');
    expect((await linksIn(folder)).size).toBe(0);
    await driver.close();
  });

  test('follow a tag that moves while they are written', async () => {
    const folder = newFolder();
    await deliver(folder, (driver) => ({
      ...driver,
      async put(key, bytes, options) {
        await driver.put(key, bytes, options);
        if (key.endsWith('tags/1/current/link') && bytes.toString() === digestOf(three.manifest)) {
          await putManifest(app, two.manifest, mediaTypes.ociManifest, '1');
        }
      },
    }));
    expect((await linksIn(folder)).get(`${app}/_manifests/tags/1/current/link`)).toBe(digestOf(two.manifest));
  });

  test('of blobs go when the trash is emptied, and when garbage collection takes blobs out of their repository', async () => {
    const folder = newFolder();
    await cp(afterPushes, folder, { recursive: true });
    await deliver(folder);
    const before = [...(await linksIn(folder)).keys()];
    const unneeded = digestOf('unneeded');
    await metadata.blobs.commit(app, unneeded, 8, 'no upload', 1);
    await registry.trash.empty({ repository: app });
    const now = Date.now();
    await metadata.collection.step({ now, limit: 100, purger: 'p', until: now });
    expect(await metadata.blobs.findLink(app, unneeded)).toBeUndefined();
    const driver = await createFilesystemDriver({ directory: folder });
    await driver.put(layerLink(app, unneeded), Buffer.from(unneeded));
    await driver.close();
    await deliver(folder);
    const after = [...(await linksIn(folder)).keys()];
    expect(before.filter((path) => !after.includes(path)).sort()).toEqual(layersOf(app, one).sort());
    expect(after.filter((path) => !before.includes(path))).toEqual([]);
  });
});
