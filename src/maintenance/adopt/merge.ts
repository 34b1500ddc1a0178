/** A path that is in the store (`found`), in the records (`known`), or in both. */
export interface Merged<Found, Known> {
  readonly path: string;
  readonly found: Found | undefined;
  readonly known: Known | undefined;
}

/** Merges two sequences that ascend by path. Holds one item of each. */
export async function* merge<Found extends { readonly path: string }, Known extends { readonly path: string }>(
  found: AsyncIterable<Found>,
  known: AsyncGenerator<Known, undefined>,
): AsyncGenerator<Merged<Found, Known>> {
  let record = await known.next();
  for await (const entry of found) {
    for (; !record.done && record.value.path < entry.path; record = await known.next())
      yield { path: record.value.path, found: undefined, known: record.value };
    const isKnown = !record.done && record.value.path === entry.path;
    yield { path: entry.path, found: entry, known: isKnown ? record.value : undefined };
    if (isKnown) record = await known.next();
  }
  for (; !record.done; record = await known.next()) yield { path: record.value.path, found: undefined, known: record.value };
}

/** Yields the rows of a listing to its end, page by page. */
export async function* inPages<Row>(
  after: string,
  read: (after: string) => Promise<readonly Row[]>,
  keyOf: (row: Row) => string,
): AsyncGenerator<Row, undefined> {
  for (let last = after; ;) {
    const rows = await read(last);
    yield* rows;
    const row = rows.at(-1);
    if (row === undefined) return undefined;
    last = keyOf(row);
  }
}

/** Yields the items until one has a path at or behind `before`. */
export async function* takeBefore<Item extends { readonly path: string }>(
  items: AsyncIterable<Item>,
  before: string,
): AsyncGenerator<Item> {
  for await (const item of items) {
    if (item.path >= before) return;
    yield item;
  }
}

/** Yields the items in arrays of `size`; the last one is shorter, and may be empty. */
export async function* inArrays<Item>(items: AsyncIterable<Item>, size: number): AsyncGenerator<readonly Item[]> {
  let page: Item[] = [];
  for await (const item of items) {
    page.push(item);
    if (page.length < size) continue;
    yield page;
    page = [];
  }
  yield page;
}
