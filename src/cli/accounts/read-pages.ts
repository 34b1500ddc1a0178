/** Reads a listing to its end. `key` returns the position after which the next page begins. */
export async function readAllPages<Item, Key>(
  first: Key,
  readPage: (after: Key, size: number) => Promise<readonly Item[]>,
  key: (item: Item) => Key,
): Promise<readonly Item[]> {
  const items: Item[] = [];
  for (let page = await readPage(first, pageSize); ;) {
    items.push(...page);
    const last = page.at(-1);
    if (last === undefined) return items;
    page = await readPage(key(last), pageSize);
  }
}

const pageSize = 1000;
