import type { SortColumn } from './table.ts';

/** The order of a list, from the query of its view. */
export interface Sorting<Order extends string> {
  readonly order: Order;
  readonly isDescending: boolean;
}

/** Reads `sort` and `direction`. Names are ascending at first, everything else descending; `usual`: the order without a wish. */
export function sortingOf<Order extends string>(query: URLSearchParams, orders: readonly Order[], usual: Order): Sorting<Order> {
  const order = orders.find((one) => one === query.get('sort')) ?? usual;
  const direction = query.get('direction');
  return { order, isDescending: direction === null ? order !== 'name' : direction === 'desc' };
}

/** Makes a column whose link sorts by it, or turns the order, and leads to the first page. */
export function sortColumn<Order extends string>(
  label: string,
  order: Order,
  { order: current, isDescending }: Sorting<Order>,
  query: URLSearchParams,
): SortColumn {
  const isCurrent = order === current;
  const wanted = isCurrent ? !isDescending : order !== 'name';
  const next = new URLSearchParams(query);
  for (const name of ['after', 'before']) next.delete(name);
  next.set('sort', order);
  next.set('direction', wanted ? 'desc' : 'asc');
  return { label, href: `?${next.toString()}`, sorted: isCurrent ? (isDescending ? 'descending' : 'ascending') : undefined };
}
