/** Gathers items in memory and writes them in batches, so that a request waits for nothing. */
export interface Batch<Item> {
  /** Adds the item, or replaces the one with the same key that is not written yet. */
  add(key: string, item: Item): void;
  /** Resolves when everything added before is written, or has failed. */
  flush(): Promise<void>;
}

/** `largest` limits the memory: so many items are written at once. `write` gets an empty batch too, and must not reject. */
export function createBatch<Item>(largest: number, write: (items: readonly Item[]) => Promise<void>): Batch<Item> {
  let gathered = new Map<string, Item>();
  let writing: Promise<void> = Promise.resolve();

  function writeGathered(): Promise<void> {
    const items = [...gathered.values()];
    gathered = new Map();
    return write(items);
  }

  function flush(): Promise<void> {
    writing = writing.then(writeGathered);
    return writing;
  }

  return {
    add(key, item) {
      gathered.set(key, item);
      if (gathered.size >= largest) void flush();
    },
    flush,
  };
}
