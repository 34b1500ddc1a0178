import { type Html, html } from '../shell/html.ts';
import type { Texts } from '../texts/english/texts.ts';

/** Shows links to the next and the first page of a listing by name; `query` holds what else the view was asked for. */
export function paging(texts: Texts, query: URLSearchParams, last: string | undefined): Html | undefined {
  const others = new URLSearchParams(query);
  const isFirst = (others.get('after') ?? '') === '';
  others.delete('after');
  if (isFirst && last === undefined) return undefined;
  const next = new URLSearchParams(others);
  if (last !== undefined) next.set('after', last);
  return html`<nav class="pages" aria-label="${texts.paging.label}">
    ${isFirst ? undefined : html`<a href="?${others.toString()}">${texts.paging.first}</a>`}
    ${last === undefined ? undefined : html`<a rel="next" href="?${next.toString()}">${texts.paging.next}</a>`}
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
