import { type Html, html } from '../shell/html.ts';
import type { Texts } from '../texts/english/texts.ts';

/** Shows links to the next and the first page of a listing by name; `query` holds what else the view was asked for. */
export function paging(texts: Texts, query: URLSearchParams, last: string | undefined): Html | undefined {
  const others = new URLSearchParams(query);
  const isFirst = !others.has('after');
  others.delete('after');
  if (isFirst && last === undefined) return undefined;
  const next = new URLSearchParams(others);
  if (last !== undefined) next.set('after', last);
  return html`<nav class="pages" aria-label="${texts.paging.label}">
    ${isFirst ? undefined : html`<a href="?${others.toString()}">${texts.paging.first}</a>`}
    ${last === undefined ? undefined : html`<a rel="next" href="?${next.toString()}">${texts.paging.next}</a>`}
  </nav>`;
}
