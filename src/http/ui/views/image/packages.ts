import { isReady } from '../../../../images/view/image-opener.ts';
import type { PackageFileView, PackageView } from '../../../../images/view/package-view.ts';
import { paging, partOf } from '../../parts/paging.ts';
import { table } from '../../parts/table.ts';
import { type Html, html } from '../../shell/html.ts';
import type { ImageVisit } from '../repository/repository-view.ts';
import { queryWith, urlOf } from './image-url.ts';
import { platformChoice, sendImageView } from './image-view.ts';
import { foreignNote, indexPanel, lookAt } from './index-state.ts';

const pageSize = 200;

/** Shows the packages that package managers have installed, and names the lists that cannot be read. */
export async function showPackages(visit: ImageVisit): Promise<void> {
  const { query, texts } = visit;
  const looked = await lookAt(visit);
  const { platforms, platform } = looked.image;
  const text = (query.get('find') ?? '').trim().slice(0, 255);
  const filter = html`<form class="filter" method="get">
    ${platformChoice(visit, platforms, platform)}
    <label>${texts.packages.find} <input type="search" name="find" value="${text}" maxlength="255" /></label>
    <button>${texts.files.show}</button>
  </form>`;
  if (!isReady(looked)) {
    sendImageView(visit, 'packages', html`${filter} ${indexPanel(visit, looked)}`);
    return;
  }
  const { files, packages } = await (await visit.services.images()).packages.list(looked);
  const wanted = text.toLowerCase();
  const found = packages.filter(({ name }) => name.toLowerCase().includes(wanted));
  sendImageView(
    visit,
    'packages',
    html`${foreignNote(visit, looked.image)} ${filter} ${listFiles(visit, files)} ${packageTable(visit, found, files.length > 0)}`,
  );
}

/** Shows which lists the image has, and why one was not read. */
function listFiles(visit: ImageVisit, files: readonly PackageFileView[]): Html | undefined {
  if (files.length === 0) return undefined;
  const { packages } = visit.texts;
  const items = files.map(
    ({ path, format, unread }) =>
      html`<li>
        <span class="chip">${format}</span>
        <a href="${urlOf(visit, '/-/files')}${queryWith(visit, { path })}"><code>${path}</code></a>
        ${unread === '' ? undefined : html`<strong>${packages.unread}</strong> <span class="quiet">${unread}</span>`}
      </li>`,
  );
  return html`<p>${packages.lists}</p>
    <ul class="plain">
      ${items}
    </ul>`;
}

function packageTable(visit: ImageVisit, found: readonly PackageView[], hasLists: boolean): Html {
  const { query, texts } = visit;
  const { packages } = texts;
  if (found.length === 0) return html`<p>${hasLists ? packages.none : packages.noLists}</p>`;
  const page = partOf(found, query.get('after') ?? '', pageSize);
  const rows = page.items.map(({ name, version, architecture, format }) => ({
    heading: html`<code>${name}</code>`,
    cells: [html`<code>${version}</code>`, architecture, format],
  }));
  return html`<p class="quiet">${packages.count(found.length)}</p>
    ${table(packages.caption, [packages.name, packages.version, packages.architecture, packages.format], rows)}
    ${paging(texts, query, page.next)}`;
}
