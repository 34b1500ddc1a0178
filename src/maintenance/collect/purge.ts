import { type BlobDriver, StorageError } from '../../../storage/blobs/driver.ts';
import { blobKey, indexKey } from '../../../storage/blobs/layout.ts';
import type { Purge } from '../../../storage/metadata/queries/collection/collect.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { Trash } from '../../content/trash.ts';
import type { Digest } from '../../oci/digest.ts';

/** A collector's right to delete the bytes of some digests, until a deadline. */
export interface PurgeRight {
  /** The collector, as the records name it. */
  readonly purger: string;
  /** Throws after the deadline: another collector or a writer may have taken over. */
  assertHeld(): void;
}

/** The bytes that were deleted, and those that could not be. */
export interface PurgeResult {
  readonly deleted: readonly Purge[];
  readonly failed: readonly { readonly purge: Purge; readonly error: unknown }[];
}

export interface PurgeStores {
  readonly driver: BlobDriver;
  readonly metadata: MetadataStore;
  readonly trash: Pick<Trash, 'deleteIf'>;
}

/** Files that are deleted at once. */
const filesAtOnce = 8;

/**
 * Deletes the bytes of purges. Bytes that a writer has stored since the deadline stay, also when this process stood still in the
 * middle. On a file system each file is moved to the trash first, and deleted if the collector still holds the purge.
 * If it is not, or this process dies, the trash gives recorded bytes their place again. A remote store has no cheap move:
 * there the deadline is checked before each request.
 */
export async function purgeBytes(stores: PurgeStores, purges: readonly Purge[], right: PurgeRight): Promise<PurgeResult> {
  if (purges.length === 0) return { deleted: [], failed: [] };
  return stores.driver.capabilities.remote ? purgeRemote(stores, purges, right) : purgeFiles(stores, purges, right);
}

async function purgeRemote({ driver }: PurgeStores, purges: readonly Purge[], { assertHeld }: PurgeRight): Promise<PurgeResult> {
  try {
    // Also deletes the blob's index of files; a later sweep deletes one that is left.
    const keys = purges.flatMap(({ digest }) => [blobKey(digest), indexKey(digest)]);
    const failures = await driver.deleteObjects(keys, assertHeld);
    const errorOf = ({ digest }: Purge) => failures.get(blobKey(digest));
    return {
      deleted: purges.filter((purge) => !errorOf(purge)),
      failed: purges.filter(errorOf).map((purge) => ({ purge, error: errorOf(purge) })),
    };
  } catch (error) {
    return { deleted: [], failed: purges.map((purge) => ({ purge, error })) };
  }
}

async function purgeFiles(stores: PurgeStores, purges: readonly Purge[], right: PurgeRight): Promise<PurgeResult> {
  const deleted: Purge[] = [];
  const failed: { purge: Purge; error: unknown }[] = [];
  const waiting = purges.values();
  async function work(): Promise<void> {
    for (const purge of waiting) {
      try {
        await purgeFile(stores, purge.digest, right);
        deleted.push(purge);
      } catch (error) {
        failed.push({ purge, error });
      }
    }
  }
  await Promise.all(Array.from({ length: filesAtOnce }, work));
  return { deleted, failed };
}

/** Rejects `unavailable` if the purge is not the collector's any more. */
async function purgeFile({ metadata, trash }: PurgeStores, digest: Digest, right: PurgeRight): Promise<void> {
  right.assertHeld();
  if (!(await trash.deleteIf(digest, () => metadata.collection.isPurging(digest, right.purger)))) {
    throw new StorageError('unavailable', `the deletion of ${digest} has passed to another process`);
  }
}
