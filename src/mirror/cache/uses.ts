import type { OpenObject } from '../../../storage/blobs/driver.ts';
import type { Use } from '../../../storage/metadata/queries/mirror-writes.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';

/** When mirrored content was last used: gathered in memory and written in batches, so that a pull waits for nothing. */
export interface Uses {
  /** It was asked for, `at` milliseconds since 1970. */
  note(digest: string, at: number): void;
  /** The object, in use until it is closed. */
  holding(digest: string, object: OpenObject): OpenObject;
  isHeld(digest: string): boolean;
  /** Writes what has gathered, and that what is being read is in use still. */
  flush(): Promise<void>;
}

/** Bounds the memory, not what is remembered: a full batch is written at once. */
const largestBatch = 1000;

export function createUses(metadata: MetadataStore, now: () => number, onFailure: (error: unknown) => void): Uses {
  let gathered = new Map<string, Use>();
  const holders = new Map<string, number>();
  let writing: Promise<void> = Promise.resolve();

  async function write(): Promise<void> {
    const stillRead = [...holders.keys()].map((digest) => ({ digest, usedAt: now(), isNew: false }));
    const batch = [...gathered.values(), ...stillRead];
    gathered = new Map();
    if (batch.length === 0) return;
    try {
      await metadata.recordUses(batch);
    } catch (error) {
      onFailure(error);
    }
  }

  function flush(): Promise<void> {
    writing = writing.then(write);
    return writing;
  }

  function letGo(digest: string): void {
    const others = (holders.get(digest) ?? 1) - 1;
    if (others === 0) holders.delete(digest);
    else holders.set(digest, others);
  }

  return {
    note(digest, at) {
      gathered.set(digest, { digest, usedAt: at, isNew: true });
      if (gathered.size >= largestBatch) void flush();
    },

    holding(digest, object) {
      let isHeld = true;
      holders.set(digest, (holders.get(digest) ?? 0) + 1);
      return {
        ...object,
        async close() {
          if (isHeld) letGo(digest);
          isHeld = false;
          await object.close();
        },
      };
    },

    isHeld: (digest) => holders.has(digest),
    flush,
  };
}
