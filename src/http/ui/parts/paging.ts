import type { BothWays, Total } from '../../../catalog/paging.ts';
import { type Html, html } from '../shell/html.ts';
import type { Texts } from '../texts/english/texts.ts';
import { formatCount } from './size.ts';

/** Shows links to the next and the first page of a listing by name; `query` holds what else the view was asked for. */
export function paging(texts: Texts, query: URLSearchParams, last: string | undefined): Html | undefined {
  const isFirst = (query.get('after') ?? '') === '';
  if (isFirst && last === undefined) return undefined;
  return html`<nav class="pages" aria-label="${texts.paging.label}">
    ${isFirst ? undefined : html`<a href="${pageAt(query)}">${texts.paging.first}</a>`}
    ${last === undefined ? undefined : html`<a rel="next" href="${pageAt(query, ['after', last])}">${texts.paging.next}</a>`}
  </nav>`;
}

/** Returns a part of a list that is in memory. `after`: how many items are in front of it, as the link to the next part says. */
export function partOf<Item>(
  items: readonly Item[],
  after: string,
  size: number,
): { readonly items: readonly Item[]; readonly next: string | undefined } {
  const start = /^\d{1,9}$/.test(after) ? Number(after) : 0;
  const end = start + size;
  return { items: items.slice(start, end), next: end < items.length ? String(end) : undefined };
}

/** Shows links to the pages before and after this one, and how many rows there are. */
export function pagingBothWays(
  texts: Texts,
  query: URLSearchParams,
  { previous, next, total }: Pick<BothWays<unknown>, 'previous' | 'next'> & { readonly total: Total },
): Html {
  const { paging: words } = texts;
  return html`<nav class="pages" aria-label="${words.label}">
    ${previous === undefined ? undefined : html`<a href="${pageAt(query)}">${words.first}</a>`}
    ${previous === undefined ? undefined : html`<a rel="prev" href="${pageAt(query, ['before', previous])}">${words.previous}</a>`}
    ${next === undefined ? undefined : html`<a rel="next" href="${pageAt(query, ['after', next])}">${words.next}</a>`}
    <span class="quiet">${words.total(`${formatCount(total.count)}${total.isExact ? '' : '+'}`)}</span>
  </nav>`;
}

/** Returns the link to another page of the view. */
function pageAt(query: URLSearchParams, cursor?: readonly [name: string, value: string]): string {
  const other = new URLSearchParams(query);
  for (const name of ['after', 'before']) other.delete(name);
  if (cursor) other.set(...cursor);
  return `?${other.toString()}`;
}
