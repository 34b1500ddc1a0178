import type { MirrorSize } from '../../../storage/metadata/queries/mirror/space.ts';

/**
 * Decides which content the mirror keeps and which it evicts, without doing it. Content is on probation until it is used
 * again after it came; then it is protected, as long as the protected have less than their share. A flood of content that
 * is used once goes through the probation and leaves the protected where they are (segmented LRU).
 */
export interface CachePolicy {
  /** All that blobs may have, with those on their way in or out. The rest, up to `maxBytes`, is for manifests. */
  readonly maxBlobBytes: number;
  /** Too large to push others out for one request. */
  isHuge(sizeBytes: number): boolean;
  /** Whether a blob of this size would push others out. */
  crowdsOut(size: MirrorSize, sizeBytes: number): boolean;
  /** True if a blob may wait for space beside the waiting ones: they are on the disk too. */
  mayWait(sizeBytes: number, demand: Demand): boolean;
  /** Whether evicting must begin. */
  isTooMuch(size: MirrorSize, demand: Demand): boolean;
  /** Whether it may end. */
  isEnough(size: MirrorSize, demand: Demand): boolean;
  /** Where victims are taken from, the least recently used of each: first from the first. */
  victims(size: MirrorSize, demand: Demand): readonly Segment[];
}

export type Segment = 'probation' | 'protected';

/** The blobs that wait for space. */
export interface Demand {
  readonly sizeBytes: number;
  /** The part of it that is huge and was requested twice: it may replace protected content. */
  readonly hugeBytes: number;
}

/** Parts of the size at which evicting begins and ends. */
const highMark = 0.9;
const lowMark = 0.8;
const blobShare = 0.98;
const protectedShare = 0.6;
const hugeShare = 0.1;

export function createCachePolicy(maxBytes: number): CachePolicy {
  /** However much waits, the protected keep their share. */
  const maxWaitingBytes = (lowMark - protectedShare) * maxBytes;
  const wanted = ({ contentBytes }: MirrorSize, { sizeBytes, hugeBytes }: Demand) =>
    contentBytes + Math.max(hugeBytes, Math.min(sizeBytes, maxWaitingBytes));

  return {
    maxBlobBytes: Math.floor(maxBytes * blobShare),
    isHuge: (sizeBytes) => sizeBytes > maxBytes * hugeShare,
    crowdsOut: ({ contentBytes }, sizeBytes) => contentBytes + sizeBytes > maxBytes * highMark,
    mayWait: (sizeBytes, demand) => demand.sizeBytes === 0 || demand.sizeBytes + sizeBytes <= maxWaitingBytes,
    isTooMuch: (size, demand) => wanted(size, demand) > maxBytes * highMark,
    isEnough: (size, demand) => wanted(size, demand) <= maxBytes * lowMark,
    victims({ protectedBytes }, { hugeBytes }) {
      if (protectedBytes > maxBytes * protectedShare) return ['protected', 'probation'];
      return hugeBytes > 0 ? ['probation', 'protected'] : ['probation'];
    },
  };
}
