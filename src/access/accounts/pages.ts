export interface Page<Item> {
  readonly items: readonly Item[];
  /** The `after` of the next page; undefined after the last page. */
  readonly next: string | undefined;
}

/** At most `limit` items after the item `after` (exclusive). */
export interface PageRequest<Key> {
  readonly after: Key;
  readonly limit: number;
}

/** Returns a page of what was read for it. A full page may be followed by an empty one: the number of all items is not known. */
export function toPage<Item>(items: readonly Item[], limit: number, keyOf: (item: Item) => string): Page<Item> {
  const last = items.at(-1);
  return { items, next: last !== undefined && items.length === limit ? keyOf(last) : undefined };
}
