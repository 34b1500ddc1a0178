import type { BackupStore } from './backup-store.ts';
import { type ComparisonOptions, type StoreComparison, summarizeComparison } from './comparison.ts';
import { type ReturnLinksOptions, returnLinks } from './return-links.ts';

export interface FinishRestoreOptions extends ComparisonOptions, Omit<ReturnLinksOptions, 'onProgress'> {
  readonly store: Pick<BackupStore, 'list'>;
  readonly onLinks: ReturnLinksOptions['onProgress'];
  readonly signal: AbortSignal;
}

export interface FinishedRestore extends StoreComparison {
  /** True if the links of the store have brought back what was pushed after the backup. */
  readonly fromLinks: boolean;
}

/**
 * Brings back what the links of the store know and the rows do not, compares the records with the blob store, and then lets
 * garbage collection run again. Makes the backups of the store known, so that the blobs of the newest one stay. Can be
 * repeated after it broke off.
 */
export async function finishRestore(options: FinishRestoreOptions): Promise<FinishedRestore> {
  const { metadata, store, now, onLinks } = options;
  for (const { name, beganAt } of await store.list()) await metadata.backups.finish(name, beganAt, now());
  const fromLinks = await returnLinks({ ...options, onProgress: onLinks });
  const comparison = await summarizeComparison(options);
  await metadata.collectionState.unblock('restore');
  return { fromLinks, ...comparison };
}
