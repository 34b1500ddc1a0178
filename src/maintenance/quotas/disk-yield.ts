import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { entriesAtOnce, manifestsAtOnce } from '../../registry/quotas/yielding.ts';

export interface DiskYieldOptions {
  readonly metadata: Pick<MetadataStore, 'trashYields' | 'collectionState'>;
  /** Resolves to undefined where the disk is not known. */
  readonly measureDisk: () => Promise<{ readonly freeBytes: number; readonly totalBytes: number } | undefined>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Called with the number of manifests that were deleted for good. */
  readonly onYielded: (manifests: number) => void;
}

/** A disk with less free space is nearly full. */
const freeShare = 0.05;

/**
 * Deletes the oldest entries of the trash for good while less than 5 % of the disk are free, until their content makes up
 * for what is missing. Garbage collection deletes the bytes; the trash waits until it has, and keeps everything while it is
 * paused.
 */
export async function yieldTrashToDisk({ metadata, measureDisk, now, onYielded }: DiskYieldOptions): Promise<void> {
  const disk = await measureDisk();
  if (!disk || disk.freeBytes >= disk.totalBytes * freeShare) return;
  const { pausedAt, blockedBy } = await metadata.collectionState.find();
  if (pausedAt !== null || blockedBy !== null) return;
  if (await metadata.trashYields.isDeleting(now())) return;
  for (let missing = disk.totalBytes * freeShare - disk.freeBytes; missing > 0;) {
    const [oldest] = await metadata.trashYields.listOldest(entriesAtOnce);
    if (!oldest) return;
    const author = { actor: 'berth', address: '', at: now() };
    const reason = 'less than 5 % of the disk are free';
    const { manifests, freedBytes } = await metadata.trashYields.put({
      entries: [oldest],
      maxManifests: manifestsAtOnce,
      reason,
      author,
    });
    onYielded(manifests);
    missing -= freedBytes;
  }
}
