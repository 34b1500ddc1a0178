import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { BlobDriver } from '../../../storage/blobs/driver.ts';
import { createSqliteStore } from '../../../storage/metadata/sqlite/sqlite-store.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { type Digest, digestAlgorithm, digestOfHash } from '../../oci/digest.ts';
import { parseManifest } from '../../oci/manifest.ts';
import { isManifestType } from '../../oci/media-types.ts';
import type { Reference, RepositoryName, Tag } from '../../oci/reference.ts';
import { type Registry, createRegistry } from '../../registry/registry.ts';
import { type StoreComparison, summarizeComparison } from './comparison.ts';
import { type RestoreOptions, type RestoredBackup, restoreBackup } from './restore.ts';
import { inWorkFolder } from './work-folder.ts';

export interface DrillOptions extends Omit<RestoreOptions, 'target' | 'onTable'> {
  readonly driver: BlobDriver;
  /** Number of tags to pull. */
  readonly sample: number;
  readonly onImage: (image: PulledImage) => void;
}

/** One tag that was pulled as a client pulls it. */
export interface PulledImage {
  readonly image: string;
  readonly manifests: number;
  readonly blobs: number;
  readonly bytes: number;
  /** Why it cannot be pulled; null: it was pulled whole. */
  readonly error: string | null;
}

export interface DrillReport extends RestoredBackup {
  readonly comparison: StoreComparison;
  readonly images: readonly PulledImage[];
}

interface NamedTag {
  readonly repository: RepositoryName;
  readonly tag: Tag;
}

const pageSize = 1000;

/**
 * Restores a backup into a temporary place, compares it with the blob store, and pulls some images with all their platforms
 * by the code that answers clients. Changes neither store. Rejects as `restoreBackup` does.
 */
export function drill(options: DrillOptions): Promise<DrillReport> {
  return inWorkFolder(options.workDirectory, async (folder) => {
    const file = join(folder, 'drill.sqlite');
    const restored = await restoreBackup({ ...options, target: { file }, onTable: () => undefined });
    const metadata = await createSqliteStore({ file });
    try {
      const { driver, now, onImage } = options;
      const comparison = await summarizeComparison({
        driver,
        metadata,
        now,
        onMissing: () => undefined,
        onProgress: () => undefined,
      });
      const registry = createRegistry({ driver, metadata, now, acceptMissing: false });
      const images: PulledImage[] = [];
      for (const tag of await sampleTags(metadata, options.sample)) {
        const image = await pullImage(registry, tag);
        images.push(image);
        onImage(image);
      }
      return { ...restored, comparison, images };
    } finally {
      await metadata.close();
    }
  });
}

/** Returns tags of `sample` random repositories, one of each. Mirrored repositories have none: they can be fetched again. */
async function sampleTags(metadata: MetadataStore, sample: number): Promise<readonly NamedTag[]> {
  const chosen: RepositoryName[] = [];
  let seen = 0;
  for (let after = ''; ;) {
    const page = await metadata.repositories.list(after, pageSize);
    for (const repository of page) {
      // Each repository has the same chance, however many there are (reservoir sampling).
      const place = seen < sample ? seen : Math.floor(Math.random() * (seen + 1));
      seen++;
      if (place < sample) chosen[place] = repository;
    }
    const last = page.at(-1);
    if (last === undefined) break;
    after = last;
  }
  const tags = await Promise.all(chosen.map((repository) => randomTag(metadata, repository)));
  return tags.filter((tag) => tag !== undefined);
}

async function randomTag(metadata: MetadataStore, repository: RepositoryName): Promise<NamedTag | undefined> {
  const tags = await metadata.distribution.listTags(repository, '', pageSize);
  const tag = tags[Math.floor(Math.random() * tags.length)];
  return tag && { repository, tag: tag.name as Tag };
}

async function pullImage(registry: Registry, { repository, tag }: NamedTag): Promise<PulledImage> {
  const pulled = { manifests: 0, blobs: 0, bytes: 0 };
  const seen = new Set<Digest>();

  async function pullManifest(reference: Reference): Promise<void> {
    const { digest, mediaType, sizeBytes } = await registry.manifests.find(repository, reference);
    if (seen.has(digest)) return;
    seen.add(digest);
    const bytes = await registry.manifests.bytes(digest, sizeBytes);
    pulled.manifests++;
    pulled.bytes += bytes.length;
    const { blobs, children } = parseManifest(bytes, mediaType);
    for (const child of children) {
      if (isManifestType(child.mediaType)) await pullManifest({ digest: child.digest });
      else await pullBlob(child.digest);
    }
    for (const blob of blobs) await pullBlob(blob.digest);
  }

  async function pullBlob(digest: Digest): Promise<void> {
    if (seen.has(digest)) return;
    seen.add(digest);
    const object = await registry.blobs.open(digest, await registry.blobs.size(repository, digest));
    const hash = createHash(digestAlgorithm(digest));
    try {
      for await (const chunk of object.stream()) hash.update(chunk);
    } finally {
      await object.close();
    }
    const actual = digestOfHash(hash, digestAlgorithm(digest));
    if (actual !== digest) throw new Error(`the bytes of ${digest} are those of ${actual}`);
    pulled.blobs++;
    pulled.bytes += object.sizeBytes;
  }

  let error: string | null = null;
  try {
    await pullManifest({ tag });
  } catch (failure) {
    error = failure instanceof Error ? failure.message : String(failure);
  }
  return { image: `${repository}:${tag}`, ...pulled, error };
}
