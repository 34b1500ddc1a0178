import type { FacetName, FacetValue } from '../../../../search/facets.ts';
import { toggled } from '../../../../search/query.ts';
import { paging } from '../../parts/paging.ts';
import { formatCount } from '../../parts/size.ts';
import { type Html, html } from '../../shell/html.ts';
import type { Texts } from '../../texts/english/texts.ts';
import { repositoryTable } from './repository-table.ts';
import type { CatalogVisit } from './visit.ts';

const pageSize = 25;
const longestText = 255;
const facetNames: readonly FacetName[] = ['namespace', 'platform', 'kind', 'signed', 'age'];

/** Shows what a search finds, with links that narrow it, or how to search. `target`: the image that the text names. */
export async function showSearch(visit: CatalogVisit): Promise<Html | { readonly target: string }> {
  const { catalog, visitor, texts, query, host } = visit;
  const text = (query.get('q') ?? '').slice(0, longestText);
  if (text.trim() === '') return html`${searchForm(texts, text)} ${hints(texts)}`;
  const image = await catalog.locate(visitor, text, host);
  if (image) {
    const { repository, reference } = image;
    return { target: `/ui/r/${repository}${reference.tag === undefined ? `@${reference.digest}` : `:${reference.tag}`}` };
  }
  const after = query.get('after') ?? '';
  const offset = /^\d{1,6}$/.test(after) ? Number(after) : 0;
  const { items, facets, total } = await catalog.search(visitor, text, { offset, limit: pageSize });
  const words = texts.search;
  if (total.count === 0)
    return html`${searchForm(texts, text)}
      <p>${words.nothing(text)}</p>
      ${hints(texts)}`;
  const groups = facetNames.filter((name) => facets[name].length > 0);
  const end = offset + pageSize;
  return html`${searchForm(texts, text)}
    <p class="quiet">${words.found(`${formatCount(total.count)}${total.isExact ? '' : '+'}`)}</p>
    <div class="facets">${groups.map((name) => facet(texts, text, name, facets[name]))}</div>
    ${repositoryTable(visit, words.caption, items)} ${paging(texts, query, end < total.count ? String(end) : undefined)}`;
}

/** The same box as in the frame, for visitors who look for it here. */
function searchForm({ search }: Texts, text: string): Html {
  return html`<form class="filter" method="get" action="/ui/search">
    <label>${search.label} <input type="search" name="q" value="${text}" maxlength="255" /></label>
    <button>${search.submit}</button>
  </form>`;
}

function facet({ search }: Texts, text: string, name: FacetName, values: readonly FacetValue[]): Html {
  const label = search.facets[name];
  const tokens = text.split(/\s+/);
  const links = values.map(({ value, query, count }) => {
    const isChosen = tokens.includes(query);
    const href = `/ui/search?${new URLSearchParams({ q: toggled(text, query) }).toString()}`;
    return html`<a href="${href}" ${isChosen ? html`aria-current="true"` : undefined}
      >${search.values[value] ?? value} <span>${count}</span></a
    > `;
  });
  return html`<nav class="namespaces" aria-label="${label}"><span class="quiet">${label}</span> ${links}</nav>`;
}

const examples = ['tag:1.*', 'ns:team', 'arch:arm64', 'label:maintainer=ops', 'digest:sha256:', 'kind:artifact', 'signed:yes'];

function hints({ search }: Texts): Html {
  return html`<p>${search.hint}</p>
    <dl>
      ${examples.map(
        (example, index) =>
          html`<dt><code>${example}</code></dt>
            <dd>${search.examples[index]}</dd>`,
      )}
    </dl>`;
}
