/** Pages of sorted rows that go both ways. A cursor names a row, so that a page stays right while rows come and go. */

/** What a client asks for: the rows behind a cursor, or those before it; without either the first ones. */
export interface PageRequest {
  readonly after?: string | undefined;
  readonly before?: string | undefined;
  readonly limit: number;
}

export interface BothWays<Item> {
  readonly items: readonly Item[];
  /** The `before` of the page before this one; undefined on the first page. */
  readonly previous: string | undefined;
  /** The `after` of the next page; undefined on the last page. */
  readonly next: string | undefined;
}

/** How many rows there are: exactly, or at least so many. */
export interface Total {
  readonly count: number;
  readonly isExact: boolean;
}

/** Rows are counted up to here. */
export const mostCounted = 10_000;

/** Returns the total for a count that ended at `mostCounted + 1`. */
export function totalOf(count: number): Total {
  return { count: Math.min(count, mostCounted), isExact: count <= mostCounted };
}

export interface Rows<Row, Position> {
  /** Returns at most `count` rows behind `from` in the order, or in the reverse one. */
  fetch(from: Position | undefined, isReverse: boolean, count: number): Promise<readonly Row[]>;
  cursorOf(row: Row): string;
  /** Undefined for a text that is no cursor: the page is the first one. */
  parse(cursor: string): Position | undefined;
}

export async function pageOf<Row, Position>(
  { after, before, limit }: PageRequest,
  { fetch, cursorOf, parse }: Rows<Row, Position>,
): Promise<BothWays<Row>> {
  const start = before === undefined ? undefined : parse(before);
  if (start !== undefined) {
    const rows = await fetch(start, true, limit + 1);
    // Fewer than a page are before it: the first page has all of them.
    if (rows.length > limit) return toPage(rows.slice(0, limit).reverse(), true, true);
  }
  const from = start === undefined && after !== undefined ? parse(after) : undefined;
  const rows = await fetch(from, false, limit + 1);
  return toPage(rows.slice(0, limit), from !== undefined, rows.length > limit);

  function toPage(items: readonly Row[], hasPrevious: boolean, hasNext: boolean): BothWays<Row> {
    const [first, last] = [items[0], items.at(-1)];
    return {
      items,
      previous: hasPrevious && first !== undefined ? cursorOf(first) : undefined,
      next: hasNext && last !== undefined ? cursorOf(last) : undefined,
    };
  }
}

/** Returns the rows behind `from` of rows in memory. `compare`: the order of the pages. */
export function fetchFrom<Row, Position>(
  rows: readonly Row[],
  compare: (one: Row | Position, other: Row | Position) => number,
): Rows<Row, Position>['fetch'] {
  const sorted = [...rows].sort(compare);
  return (from, isReverse, count) => {
    const behind =
      from === undefined ? sorted : sorted.filter((row) => (isReverse ? compare(row, from) < 0 : compare(row, from) > 0));
    return Promise.resolve(isReverse ? behind.slice(-count).reverse() : behind.slice(0, count));
  };
}
