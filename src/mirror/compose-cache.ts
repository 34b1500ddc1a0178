import type { Mirrored } from '../../storage/metadata/queries/mirror/repositories.ts';
import { claimLost } from '../content/claims.ts';
import { type Trash, createTrash, storeThenRecord } from '../content/trash.ts';
import type { Digest } from '../oci/digest.ts';
import { type Eviction, createEviction } from './cache/eviction.ts';
import { type LastUsedTracker, createLastUsedTracker } from './cache/last-used.ts';
import { type SpaceReservations, createSpaceReservations } from './cache/space-reservations.ts';
import type { FilledBlob } from './fills/fills.ts';
import type { MirrorEvents } from './events/mirror-events.ts';
import type { MirrorOptions } from './mirror-options.ts';

/** The mirrored content in the stores, and the space that it has. */
export interface Cache {
  readonly trash: Trash;
  readonly eviction: Eviction;
  readonly reservations: SpaceReservations;
  readonly lastUsed: LastUsedTracker;
  /** Stores a downloaded blob by `store` and records it. False if it is not kept. */
  keepBlob(blob: FilledBlob, store: () => Promise<void>): Promise<boolean>;
}

export function composeCache(options: MirrorOptions, events: MirrorEvents): Cache {
  const { driver, metadata, now } = options;
  const lastUsed = createLastUsedTracker(metadata, now, events);
  const trash = createTrash({ driver, metadata, now, onLeft: (digests) => metadata.mirrorSpace.release(digests, true) });
  const reservations = createSpaceReservations({ driver, metadata, trash, now });
  const eviction = createEviction({ ...options, trash, events, flushUses: lastUsed.flush, isInUse: lastUsed.isPinned });

  /** True if a download from another upstream stored the blob meanwhile: then all repositories serve that one. */
  async function linkStored(repositoryRefs: readonly Mirrored[], digest: Digest): Promise<boolean> {
    if (!(await metadata.blobs.find(digest))) return false;
    for (const repositoryRef of repositoryRefs)
      if (!(await metadata.mirroredContent.linkBlob(repositoryRef, digest, now()))) return false;
    return true;
  }

  return {
    trash,
    eviction,
    reservations,
    lastUsed,
    async keepBlob({ repositoryRefs, ...arrival }, store) {
      const { digest, sizeBytes } = arrival;
      if (await linkStored(repositoryRefs, digest)) return true;
      if (!(await eviction.admit(arrival))) {
        events.notKept();
        return false;
      }
      const record = async (claimant: string) =>
        (await metadata.mirroredContent.recordBlob(repositoryRefs, digest, sizeBytes, now(), claimant)) || claimLost;
      await reservations.arriving(digest, () => storeThenRecord({ driver, metadata, now }, { digest, store, record }));
      eviction.grown();
      return true;
    },
  };
}
