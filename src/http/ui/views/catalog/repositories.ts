import type { EntryOrder, NamespaceList } from '../../../../catalog/repository-lists.ts';
import { pagingBothWays } from '../../parts/paging.ts';
import { sortColumn, sortingOf } from '../../parts/sorting.ts';
import { type Html, html } from '../../shell/html.ts';
import { firstPush } from './home.ts';
import { repositoryTable } from './repository-table.ts';
import type { CatalogVisit } from './visit.ts';

const pageSize = 50;
const longestText = 300;
const orders: readonly EntryOrder[] = ['name', 'tags', 'size', 'pushed', 'pulled'];

/** Shows repositories in the order and with the filter of the query, and the namespaces where it has no prefix. */
export async function showRepositories(visit: CatalogVisit): Promise<Html> {
  const { catalog, visitor, query, texts } = visit;
  const words = texts.repositories;
  const text = (name: string) => query.get(name)?.slice(0, longestText);
  const prefix = text('prefix') ?? '';
  const sorting = sortingOf(query, orders, 'pushed');
  const origin = query.get('origin');
  const isStarred = visit.hasStars && query.get('starred') === 'on';
  const page = await catalog.repositories(visitor, {
    prefix,
    ...sorting,
    isStarred,
    limit: pageSize,
    after: text('after'),
    before: text('before'),
    isMirrored: origin === 'own' ? false : origin === 'mirrored' ? true : undefined,
  });
  const labels = { name: words.name, tags: words.tags, size: words.size, pushed: words.pushed, pulled: words.pulled };
  const columns = orders.map((order) => sortColumn(labels[order], order, sorting, query));
  const isFiltered = prefix !== '' || isStarred || origin === 'own' || origin === 'mirrored';
  if (page.items.length === 0 && !isFiltered) return firstPush(visit);
  return html`${filter(visit, prefix, origin, isStarred)}
  ${isFiltered ? undefined : namespaces(visit, page.namespaces ?? (await catalog.namespaces(visitor)))}
  ${
    page.items.length > 0
      ? html`${repositoryTable(visit, words.caption, page.items, columns)} ${pagingBothWays(texts, query, page)}`
      : html`<p>${prefix === '' ? words.noneFound : words.noneWithPrefix(prefix)}</p>`
  }`;
}

function namespaces({ texts }: CatalogVisit, { items, more }: NamespaceList): Html | undefined {
  if (items.length === 0) return undefined;
  const { namespaces: label, moreNamespaces } = texts.repositories;
  return html`<nav class="namespaces" aria-label="${label}">
    ${items.map(
      ({ namespace, repositories }) =>
        html`<a href="/ui/repositories?prefix=${encodeURIComponent(`${namespace}/`)}"
          >${namespace}/ <span>${repositories}</span></a
        > `,
    )}
    ${more ? html`<span class="quiet">${moreNamespaces}</span>` : undefined}
  </nav>`;
}

function filter({ texts, hasStars }: CatalogVisit, prefix: string, origin: string | null, isStarred: boolean): Html {
  const words = texts.repositories;
  const option = (value: string, label: string) =>
    html`<option value="${value}" ${value === (origin ?? '') ? html`selected` : undefined}>${label}</option>`;
  return html`<form class="filter" method="get" action="/ui/repositories">
    <label>${words.prefix} <input type="search" name="prefix" value="${prefix}" maxlength="255" /></label>
    <label
      >${words.origin}
      <select name="origin">
        ${option('', words.anyOrigin)} ${option('own', words.own)} ${option('mirrored', words.mirrored)}
      </select></label
    >
    ${
      hasStars
        ? html`<label class="choice"
            ><input type="checkbox" name="starred" ${isStarred ? html`checked` : undefined} /> ${words.onlyStarred}</label
          >`
        : undefined
    }
    <button>${words.show}</button>
  </form>`;
}
