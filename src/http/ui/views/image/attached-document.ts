import type { ReferrerDocument } from '../../../../images/referrers/document.ts';
import type { Provenance } from '../../../../images/referrers/provenance.ts';
import type { AttachedDocument } from '../../../../images/referrers/referrers.ts';
import { type Sbom, findPackages } from '../../../../images/referrers/sbom.ts';
import { paging, partOf } from '../../parts/paging.ts';
import { byteSize } from '../../parts/size.ts';
import { table } from '../../parts/table.ts';
import { type Html, html } from '../../shell/html.ts';
import type { ImageVisit } from '../repository/repository-view.ts';
import { queryWith, urlOf } from './image-url.ts';

const pageSize = 200;
/** Shorter than the names that people look for. */
const maxSearch = 255;

/** Shows an SBOM as a table, provenance as a list, and of any other document what it is. */
export function showDocument(visit: ImageVisit, document: AttachedDocument, content: ReferrerDocument): Html {
  const { referrers } = visit.texts;
  const back = html`<p><a href="${urlOf(visit, '/-/referrers')}${queryWith(visit)}">${referrers.all}</a></p>`;
  const facts = html`<dl>
    <dt>${referrers.kind}</dt>
    <dd>${referrers.kinds[document.kind]} <span class="chip">${referrers.notVerified}</span></dd>
    <dt>${visit.texts.image.type}</dt>
    <dd><code>${content.format || document.predicateType || document.mediaType}</code></dd>
    <dt>${visit.texts.tags.digest}</dt>
    <dd><code>${document.digest}</code> (${byteSize(document.sizeBytes)})</dd>
  </dl>`;
  return html`${back} ${facts} ${contentOf(visit, document, content)}`;
}

function contentOf(visit: ImageVisit, document: AttachedDocument, content: ReferrerDocument): Html {
  const { referrers } = visit.texts;
  switch (content.kind) {
    case 'sbom':
      return sbomTable(visit, document, content);
    case 'provenance':
      return provenanceList(visit, content);
    case 'unread':
      return html`<p class="note">${referrers.unread} ${content.reason}</p>`;
    case 'other':
      return html`<p class="quiet">${referrers.other}</p>`;
  }
}

function sbomTable(visit: ImageVisit, { digest }: AttachedDocument, { packages, hasMore }: Sbom): Html {
  const { query, texts } = visit;
  const { referrers } = texts;
  const text = (query.get('find') ?? '').slice(0, maxSearch);
  const found = findPackages(packages, text);
  const page = partOf(found, query.get('after') ?? '', pageSize);
  const rows = page.items.map(({ name, version, license, purl }) => ({
    heading: html`<code>${name}</code>`,
    cells: [html`<code>${version}</code>`, license, purl === '' ? '' : html`<code>${purl}</code>`],
  }));
  const columns = [texts.packages.name, texts.packages.version, referrers.license, referrers.purl];
  return html`<form class="filter" method="get">
      <input type="hidden" name="document" value="${digest}" />
      <input type="hidden" name="platform" value="${query.get('platform') ?? ''}" />
      <label>${texts.packages.find} <input type="search" name="find" value="${text}" maxlength="${maxSearch}" /></label>
      <button>${texts.files.show}</button>
    </form>
    <p class="quiet">${texts.packages.count(found.length)}${hasMore ? ` ${referrers.more}` : ''}</p>
    ${rows.length === 0 ? html`<p>${texts.packages.none}</p>` : table(texts.packages.caption, columns, rows)}
    ${paging(texts, query, page.next)}`;
}

function provenanceList({ texts }: ImageVisit, { builder, buildType, source, commit, materials }: Provenance): Html {
  const { referrers } = texts;
  const shown: readonly (readonly [string, string])[] = [
    [referrers.builder, builder],
    [referrers.buildType, buildType],
    [referrers.source, source],
    [referrers.commit, commit],
  ];
  const items = shown.map(
    ([name, value]) =>
      html`<dt>${name}</dt>
        <dd>${value === '' ? html`<span class="quiet">${referrers.notStated}</span>` : html`<code>${value}</code>`}</dd>`,
  );
  const used = materials.map((uri) => html`<li><code>${uri}</code></li>`);
  return html`<dl>${items}</dl>
    ${
      used.length === 0
        ? undefined
        : html`<h2>${referrers.materials}</h2>
            <ul class="plain">
              ${used}
            </ul>`
    }`;
}
