import { createHeap } from './heap.ts';

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
