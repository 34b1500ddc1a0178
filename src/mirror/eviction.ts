import type { MetadataStore } from '../../storage/metadata/store.ts';
import type { Trash } from '../registry/trash.ts';

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
  /** Writes down the latest uses: they decide. */
  readonly flushUses: () => Promise<void>;
  readonly onEvicted: (sizeBytes: number) => void;
  readonly onFailure: (error: unknown) => void;
}

/**
 * Parts of the size at which evicting begins and ends. What is evicted leaves the disk some seconds later: meanwhile the
 * rest has room for what is being fetched.
 */
const highMark = 0.9;
const lowMark = 0.8;
const batch = 100;

export function createEviction(options: EvictionOptions): Eviction {
  const { metadata, trash, maxBytes, flushUses, onEvicted, onFailure } = options;
  let sizeBytes = 0;
  let running: Promise<number> | undefined;

  async function evict(): Promise<number> {
    sizeBytes = await metadata.mirroredBytes();
    if (sizeBytes <= maxBytes * highMark) return 0;
    await flushUses();
    const before = sizeBytes;
    while (sizeBytes > maxBytes * lowMark && (await evictBatch()) > 0);
    return before - sizeBytes;
  }

  async function evictBatch(): Promise<number> {
    let evicted = 0;
    for (const content of await metadata.leastRecentlyUsed(batch)) {
      if (sizeBytes <= maxBytes * lowMark) break;
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
      if (sizeBytes > maxBytes * highMark) run().catch(onFailure);
    },
    get sizeBytes() {
      return sizeBytes;
    },
  };
}
