import type { MetadataStore } from '../../storage/metadata/store.ts';

/** When mirrored content was last asked for: gathered in memory and written in batches, so that a pull waits for nothing. */
export interface Uses {
  note(digest: string): void;
  /** Writes what has gathered. */
  flush(): Promise<void>;
}

/** Bounds the memory, not what is remembered: a full batch is written at once. */
const largestBatch = 5000;

export function createUses(metadata: MetadataStore, now: () => number, onFailure: (error: unknown) => void): Uses {
  let gathered = new Map<string, number>();
  let writing: Promise<void> = Promise.resolve();

  async function write(): Promise<void> {
    const batch = gathered;
    gathered = new Map();
    if (batch.size === 0) return;
    try {
      await metadata.recordUses([...batch].map(([digest, usedAt]) => ({ digest, usedAt })));
    } catch (error) {
      onFailure(error);
    }
  }

  function flush(): Promise<void> {
    writing = writing.then(write);
    return writing;
  }

  return {
    note(digest) {
      gathered.set(digest, now());
      if (gathered.size >= largestBatch) void flush();
    },
    flush,
  };
}
