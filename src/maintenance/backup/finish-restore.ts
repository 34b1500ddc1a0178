import type { BlobDriver } from '../../../storage/blobs/driver.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { Digest } from '../../oci/digest.ts';
import type { BackupStore } from './backup-store.ts';
import { type StoreComparison, compareStore } from './compare-store.ts';

export interface FinishRestoreOptions {
  readonly driver: BlobDriver;
  readonly metadata: MetadataStore;
  readonly store: Pick<BackupStore, 'list'>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly onMissing: (digest: Digest, sizeBytes: number) => Promise<void> | void;
  /** Called with the number of records that were compared. */
  readonly onProgress: (compared: number) => void;
}

/**
 * Compares restored rows with the blob store and then lets garbage collection run again. Makes the backups of the store known, so
 * that the blobs of the newest one stay. Can be repeated after it broke off.
 */
export async function finishRestore(options: FinishRestoreOptions): Promise<StoreComparison> {
  const { metadata, store, now } = options;
  for (const { name, beganAt } of await store.list()) await metadata.backups.finish(name, beganAt, now());
  const comparison = await compareStore(options);
  await metadata.collectionState.unblock('restore');
  return comparison;
}
