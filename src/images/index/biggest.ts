/** Keeps the items with the largest numbers. */
export interface Biggest<Item> {
  add(item: Item): void;
  /** Returns them, largest first; of equal ones the first added first. */
  list(): readonly Item[];
}

export function createBiggest<Item>(limit: number, sizeOf: (item: Item) => number): Biggest<Item> {
  let kept: Item[] = [];
  let smallest = -Infinity;

  function shrink(): void {
    kept = kept.sort((one, other) => sizeOf(other) - sizeOf(one)).slice(0, limit);
    const last = kept.at(-1);
    if (kept.length === limit && last !== undefined) smallest = sizeOf(last);
  }

  return {
    add(item) {
      if (sizeOf(item) <= smallest) return;
      kept.push(item);
      // Sorting seldom is cheaper than keeping a sorted list.
      if (kept.length >= 4 * limit) shrink();
    },
    list() {
      shrink();
      return kept;
    },
  };
}
