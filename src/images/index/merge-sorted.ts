/**
 * Merges sorted sequences: yields the values that are equal, one after the other from the first sequence to the last, as an
 * array. A sequence may have equal values too. Holds one value of each sequence.
 */
export function* mergeSorted<Value>(
  sequences: readonly Iterable<Value>[],
  compare: (one: Value, other: Value) => number,
): Generator<readonly { readonly value: Value; readonly from: number }[]> {
  const cursors = sequences.map((sequence) => sequence[Symbol.iterator]());
  const heap = createHeap<{ readonly value: Value; readonly from: number }>(
    (one, other) => compare(one.value, other.value) || one.from - other.from,
  );
  const advance = (from: number) => {
    const next = cursors[from]?.next();
    if (next && !next.done) heap.push({ value: next.value, from });
  };
  for (const from of cursors.keys()) advance(from);
  for (let first = heap.pop(); first; first = heap.pop()) {
    const equal = [first];
    advance(first.from);
    for (let next = heap.peek(); next && compare(next.value, first.value) === 0; next = heap.peek()) {
      equal.push(next);
      heap.pop();
      advance(next.from);
    }
    yield equal;
  }
}

interface Heap<Item> {
  push(item: Item): void;
  peek(): Item | undefined;
  pop(): Item | undefined;
}

/** A binary heap with the least item first. */
function createHeap<Item extends object>(compare: (one: Item, other: Item) => number): Heap<Item> {
  const items: Item[] = [];
  const isLess = (one: number, other: number) => {
    const [a, b] = [items[one], items[other]];
    return a !== undefined && b !== undefined && compare(a, b) < 0;
  };
  const swap = (one: number, other: number) => {
    const [a, b] = [items[one], items[other]];
    if (a === undefined || b === undefined) return;
    items[one] = b;
    items[other] = a;
  };
  return {
    push(item) {
      let index = items.push(item) - 1;
      for (let parent = (index - 1) >> 1; index > 0 && isLess(index, parent); parent = (index - 1) >> 1) {
        swap(index, parent);
        index = parent;
      }
    },
    peek: () => items[0],
    pop() {
      const top = items[0];
      const last = items.pop();
      if (last === undefined || items.length === 0) return top;
      items[0] = last;
      for (let index = 0; ;) {
        const left = 2 * index + 1;
        const child = isLess(left + 1, left) ? left + 1 : left;
        if (!isLess(child, index)) return top;
        swap(child, index);
        index = child;
      }
    },
  };
}
