import type { BlobDriver } from '../../../storage/blobs/driver.ts';
import { blobKey } from '../../../storage/blobs/layout.ts';
import { readAll, unlessMissing } from '../../../storage/blobs/missing.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { createSingleFlight } from '../../coordination/single-flight.ts';
import type { Digest } from '../../oci/digest.ts';
import type { RepositoryName, Tag } from '../../oci/reference.ts';
import type { MirroredRepository } from '../names/routing.ts';
import type { ManifestLookup } from '../remote/lookup-result.ts';
import { type ChildManifest, readManifestContents } from '../remote/manifest-contents.ts';
import { isServedStale } from '../remote/stale-errors.ts';
import { UpstreamError } from '../../upstream/upstream-error.ts';
import type { ManifestFetcher } from './manifest-fetcher.ts';
import type { ManifestStore } from './manifest-store.ts';

/** A manifest that is cached. */
export type CachedManifest = Pick<ManifestLookup, 'digest' | 'mediaType' | 'sizeBytes'>;

/** Moves tags to new manifests when clients can pull these. */
export interface TagMoves {
  /**
   * Fetches the manifest that the tag points at now, and of an index also the manifests of those platforms that are cached
   * of the former index; then the tag's clients get the new manifest. Rejects with `UpstreamError` while the upstream
   * cannot be asked for one of them: the former image is whole, the new one would not be.
   */
  move(source: MirroredRepository, tag: Tag, digest: Digest, former: CachedManifest): Promise<ManifestLookup>;
}

export interface TagMovesOptions {
  readonly driver: Pick<BlobDriver, 'read'>;
  readonly metadata: Pick<MetadataStore, 'mirroredContent'>;
  readonly fetcher: ManifestFetcher;
  readonly manifestStore: Pick<ManifestStore, 'publish'>;
}

export function createTagMoves({ driver, metadata, fetcher, manifestStore }: TagMovesOptions): TagMoves {
  const moves = createSingleFlight<ManifestLookup>();

  /** The children of an index; none of another manifest, or where its bytes are missing. */
  async function childrenOf({ digest, mediaType, bytes }: CachedManifest & Pick<ManifestLookup, 'bytes'>) {
    const document = bytes ?? (await readCached(digest));
    return (document && readManifestContents(document, mediaType)?.children) ?? [];
  }

  async function readCached(digest: Digest): Promise<Buffer | undefined> {
    const object = await unlessMissing(driver.read(blobKey(digest)));
    if (!object) return undefined;
    try {
      return await readAll(object);
    } finally {
      await object.close();
    }
  }

  /** Children of the new index for the platforms that clients have pulled of the former one; one for each platform. */
  async function neededChildren(
    repository: RepositoryName,
    moved: ManifestLookup,
    former: CachedManifest,
  ): Promise<readonly ChildManifest[]> {
    const children = await childrenOf(moved);
    if (children.length === 0) return [];
    const formerChildren = await childrenOf(former);
    const digests = formerChildren.map(({ digest }) => digest);
    const cached = new Set(await metadata.mirroredContent.listCachedManifests(repository, digests));
    const platforms = new Set(formerChildren.flatMap(({ digest, platform }) => (cached.has(digest) ? [platform] : [])));
    const byPlatform = new Map(children.map((child) => [child.platform, child]));
    return [...byPlatform.values()].filter(({ platform }) => platform !== undefined && platforms.has(platform));
  }

  /** Fetches the manifest. What the upstream says not to have, or not to show, is the same for its own clients. */
  async function fetchChild(source: MirroredRepository, digest: Digest): Promise<void> {
    try {
      await fetcher.byDigest(source, digest, true);
    } catch (error) {
      if (!(error instanceof UpstreamError) || isServedStale(error, source)) throw error;
    }
  }

  return {
    move(source, tag, digest, former) {
      return moves.run(`${source.repository} ${tag} ${digest}`, async () => {
        const moved = await fetcher.byDigest(source, digest, true);
        const needed = await neededChildren(source.repository, moved, former);
        await Promise.all(needed.map((child) => fetchChild(source, child.digest)));
        await manifestStore.publish(source, tag, digest);
        return moved;
      });
    },
  };
}
