import type { MetadataStore } from '../../storage/metadata/store.ts';
import { type Trash, graceMilliseconds } from '../registry/trash.ts';

/** Keeps mirrored content within its size: what was asked for longest ago goes first, and never what was pushed. */
export interface Eviction {
  /** Tells of content that has just been recorded. Evicts in the background where that makes it too much. */
  grown(sizeBytes: number): void;
  /** Evicts as much as it must; resolves to the number of bytes. */
  run(): Promise<number>;
  /** Bytes of mirrored content, as far as this process knows. */
  readonly sizeBytes: number;
}

export interface EvictionOptions {
  readonly metadata: MetadataStore;
  readonly trash: Trash;
  readonly maxBytes: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Writes down the latest uses: they decide. */
  readonly flushUses: () => Promise<void>;
  readonly onEvicted: (sizeBytes: number) => void;
  readonly onFailure: (error: unknown) => void;
}

/** Parts of the size at which evicting begins and ends. */
const highMark = 0.9;
const lowMark = 0.8;
const batch = 100;
/** What is evicted leaves the disk only after this. */
const leavingMilliseconds = graceMilliseconds + 1000;

export function createEviction(options: EvictionOptions): Eviction {
  const { metadata, trash, maxBytes, now, flushUses, onEvicted, onFailure } = options;
  let sizeBytes = 0;
  let running: Promise<number> | undefined;
  let recent: { readonly at: number; readonly sizeBytes: number }[] = [];

  /**
   * As much as comes leaves too, but later: so much less may be kept that both have room. A flood does not empty the
   * mirror: half of the size is left in any case.
   */
  function room(): number {
    recent = recent.filter(({ at }) => now() - at < leavingMilliseconds);
    return Math.max(maxBytes / 2, maxBytes - recent.reduce((sum, content) => sum + content.sizeBytes, 0));
  }

  async function evict(): Promise<number> {
    sizeBytes = await metadata.mirroredBytes();
    if (sizeBytes <= room() * highMark) return 0;
    await flushUses();
    const before = sizeBytes;
    while (sizeBytes > room() * lowMark && (await evictBatch()) > 0);
    return before - sizeBytes;
  }

  async function evictBatch(): Promise<number> {
    let evicted = 0;
    for (const content of await metadata.leastRecentlyUsed(batch)) {
      if (sizeBytes <= room() * lowMark) break;
      if (await metadata.evictContent(content.digest)) await trash.setAside(content.digest);
      sizeBytes -= content.sizeBytes;
      evicted++;
      onEvicted(content.sizeBytes);
    }
    return evicted;
  }

  function run(): Promise<number> {
    running ??= evict().finally(() => (running = undefined));
    return running;
  }

  return {
    run,
    grown(added) {
      sizeBytes += added;
      recent.push({ at: now(), sizeBytes: added });
      if (sizeBytes > room() * highMark) run().catch(onFailure);
    },
    get sizeBytes() {
      return sizeBytes;
    },
  };
}
