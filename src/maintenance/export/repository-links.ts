import type { BlobDriver, ObjectKey } from '../../../storage/blobs/driver.ts';
import {
  currentLink,
  indexLink,
  layerLink,
  linksMarker,
  revisionLink,
  tagPrefix,
} from '../../../storage/blobs/distribution-links.ts';
import { StorageError } from '../../../storage/blobs/driver.ts';
import { readAll, unlessMissing } from '../../../storage/blobs/missing.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { Digest } from '../../oci/digest.ts';
import type { RepositoryName } from '../../oci/reference.ts';

/** Numbers of links that were written and deleted. */
export interface LinkCounts {
  written: number;
  deleted: number;
}

export interface RepositoryLinksOptions {
  readonly driver: BlobDriver;
  readonly metadata: Pick<MetadataStore, 'distribution'>;
  /** Called before each change of the store; throws if another process may write the links by now. */
  readonly assertHeld: () => void;
  /** True if the caller has written the links of all blobs that manifests reference. Default: false. */
  readonly areLayersWritten?: boolean;
  /** The marker and layer links that are known to be there; gets those that are written. Default: none is known. */
  readonly written?: WrittenLinks | undefined;
}

/** Keys of objects. */
export interface WrittenLinks {
  has(key: ObjectKey): boolean;
  set(key: ObjectKey, value: 1): unknown;
  delete(key: ObjectKey): unknown;
}

/**
 * Makes links of Distribution's layout match the metadata store: a call that no longer matches it changes nothing. All calls are
 * idempotent, and equal calls share one run: create it anew for later changes. A link is written after those that it leads to:
 * layers before the manifest, children before their index, the manifest before its tag. Remove in the other order.
 */
export interface RepositoryLinks {
  /** Writes the links of the tag and of its manifest, or removes those of the tag. */
  settleTag(repository: RepositoryName, tag: string): Promise<void>;
  writeManifest(repository: RepositoryName, digest: Digest): Promise<void>;
  removeManifest(repository: RepositoryName, digest: Digest): Promise<void>;
  writeBlob(repository: RepositoryName, digest: Digest): Promise<void>;
  removeBlob(repository: RepositoryName, digest: Digest): Promise<void>;
  /** Links that were changed so far. */
  readonly counts: Readonly<LinkCounts>;
}

/** Largest number of writes of a tag that moves meanwhile: the event of a later move starts another write. */
const maxTries = 3;

/** Writes the marker that the links are berth's, which comes before the first link. */
export async function writeMarker(driver: Pick<BlobDriver, 'stat' | 'put'>): Promise<void> {
  if (await unlessMissing(driver.stat(linksMarker))) return;
  await driver.put(linksMarker, Buffer.from('The links of docker/registry/v2/repositories are written by berth.\n'));
}

export function createRepositoryLinks(options: RepositoryLinksOptions): RepositoryLinks {
  const { driver, metadata, assertHeld, areLayersWritten = false, written } = options;
  const { distribution } = metadata;
  const runs = new Map<string, Promise<void>>();
  const counts = { written: 0, deleted: 0 };
  let marked = written?.has(linksMarker) ? Promise.resolve() : undefined;

  function once(key: string, work: () => Promise<void>): Promise<void> {
    const run = runs.get(key) ?? work();
    runs.set(key, run);
    return run;
  }

  async function mark(): Promise<void> {
    await writeMarker(driver);
    written?.set(linksMarker, 1);
  }

  async function writeLink(key: ObjectKey, digest: Digest): Promise<void> {
    await (marked ??= mark());
    assertHeld();
    await driver.put(key, Buffer.from(digest), { isDurable: false });
    counts.written++;
  }

  /** Writes a link whose key has its digest: one that is there is right. */
  async function writeOnce(key: ObjectKey, digest: Digest): Promise<void> {
    // At a remote store looking costs as much as writing.
    if (!driver.capabilities.remote && (await unlessMissing(driver.stat(key)))?.sizeBytes === digest.length) return;
    await writeLink(key, digest);
  }

  async function writeCurrent(key: ObjectKey, digest: Digest): Promise<void> {
    if (driver.capabilities.remote || (await readLink(driver, key)) !== digest) await writeLink(key, digest);
  }

  async function writeLayerOnce(key: ObjectKey, digest: Digest): Promise<void> {
    if (written?.has(key)) return;
    await writeOnce(key, digest);
    written?.set(key, 1);
  }

  async function remove(keys: readonly ObjectKey[]): Promise<void> {
    assertHeld();
    const failures = await driver.delete(keys);
    for (const failure of failures.values()) throw failure;
    counts.deleted += keys.length;
  }

  async function removeTag(repository: RepositoryName, tag: string): Promise<void> {
    const prefix = tagPrefix(repository, tag);
    const current = currentLink(repository, tag);
    const keys: ObjectKey[] = [];
    for await (const key of driver.list(prefix)) keys.push(key);
    if (keys.includes(current)) await remove([current]);
    const index = keys.filter((key) => key !== current);
    if (index.length > 0) await remove(index);
    await driver.removeEmptyFolders?.(prefix);
  }

  async function settleTag(repository: RepositoryName, tag: string): Promise<void> {
    let digest = await distribution.findTag(repository, tag);
    for (let tries = 0; tries < maxTries; tries++) {
      if (digest === undefined) await removeTag(repository, tag);
      else {
        await writeManifest(repository, digest);
        await writeOnce(indexLink(repository, tag, digest), digest);
        await writeCurrent(currentLink(repository, tag), digest);
      }
      // Another process may have handled a later move, if this one has stood still.
      const now = await distribution.findTag(repository, tag);
      if (now === digest) return;
      digest = now;
    }
  }

  async function write(repository: RepositoryName, digest: Digest): Promise<void> {
    const content = await distribution.findManifest(repository, digest);
    if (!content) return;
    if (!areLayersWritten) await settled(content.blobs.map((blob) => writeLayer(repository, blob)));
    await settled(content.children.map((child) => writeManifest(repository, child)));
    await writeOnce(revisionLink(repository, digest), digest);
  }

  const writeLayer = (repository: RepositoryName, digest: Digest) =>
    once(`layer ${repository} ${digest}`, () => writeLayerOnce(layerLink(repository, digest), digest));
  const writeManifest = (repository: RepositoryName, digest: Digest) =>
    once(`manifest ${repository} ${digest}`, () => write(repository, digest));

  return {
    settleTag: (repository, tag) => once(`tag ${repository} ${tag}`, () => settleTag(repository, tag)),
    writeManifest,
    async removeManifest(repository, digest) {
      if (!(await distribution.findManifest(repository, digest))) await remove([revisionLink(repository, digest)]);
    },
    async writeBlob(repository, digest) {
      if (await distribution.hasBlob(repository, digest)) await writeLayer(repository, digest);
    },
    async removeBlob(repository, digest) {
      if (await distribution.hasBlob(repository, digest)) return;
      const key = layerLink(repository, digest);
      written?.delete(key);
      await remove([key]);
    },
    counts,
  };
}

/** Waits for all of the work, also after a failure: nothing goes on in the background. Rejects with the first failure. */
export async function settled(work: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(work)) if (result.status === 'rejected') throw result.reason;
}

/** A digest is no longer; a longer file is no link. */
const maxLinkBytes = 256;

/** Returns the text of a link; undefined if there is none. */
export async function readLink(driver: BlobDriver, key: ObjectKey): Promise<string | undefined> {
  try {
    const object = await driver.read(key);
    try {
      return object.sizeBytes > maxLinkBytes ? '' : (await readAll(object)).toString();
    } finally {
      await object.close();
    }
  } catch (error) {
    if (error instanceof StorageError && error.code === 'not_found') return undefined;
    throw error;
  }
}
