import type { MirrorSize } from '../../../storage/metadata/queries/mirror/space.ts';

/** The file system that blobs are stored in. */
export interface DiskSpace {
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/** Resolves to undefined where blobs are stored elsewhere, or the file system cannot be asked. */
export type MeasureDisk = () => Promise<DiskSpace | undefined>;

/** Of a small disk only this part is kept free, whatever the configuration says. */
const largestFreeShare = 0.1;

/** Returns how many bytes stay free for everything but the mirror. */
export function reservedBytes({ totalBytes }: DiskSpace, keepFreeBytes: number): number {
  return Math.min(keepFreeBytes, totalBytes * largestFreeShare);
}

/**
 * Returns how many bytes mirrored content may have if `reserved` bytes of the disk stay free. Evicted content frees as much
 * space as is subtracted from the count, so the limit stays the same during an eviction.
 */
export function limitOnDisk({ contentBytes, transitBytes }: MirrorSize, { freeBytes }: DiskSpace, reserved: number): number {
  return Math.max(0, Math.floor(contentBytes + transitBytes + freeBytes - reserved));
}
