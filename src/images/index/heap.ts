interface Heap<Item> {
  push(item: Item): void;
  peek(): Item | undefined;
  pop(): Item | undefined;
}

/** A binary heap with the least item first. */
export function createHeap<Item extends object>(compare: (one: Item, other: Item) => number): Heap<Item> {
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
