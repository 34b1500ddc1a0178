import { pathOf } from '../../../../images/index/entry-key.ts';
import type { Entry } from '../../../../images/index/entry.ts';
import { fileOrders, maxSorted } from '../../../../images/view/file-order.ts';
import type { FilePage, FileViews, LayerNumber, ListedFile } from '../../../../images/view/file-views.ts';
import { type ReadyImage, isReady } from '../../../../images/view/image-opener.ts';
import { paging, partOf } from '../../parts/paging.ts';
import { byteSize } from '../../parts/size.ts';
import { type Html, html } from '../../shell/html.ts';
import type { ImageVisit } from '../repository/repository-view.ts';
import { showEntry } from './file-entry.ts';
import { type FilePlace, fileTable } from './file-table.ts';
import { queryWith } from './image-url.ts';
import { platformChoice, sendImageView } from './image-view.ts';
import { foreignNote, indexPanel, lookAt } from './index-state.ts';

const pageSize = 100;
/** A longer path is in no index. */
const maxPath = 4096;

/** What the query asks for. */
interface Wanted {
  readonly path: string;
  readonly layer: LayerNumber;
  readonly find: string;
  readonly sort: (typeof fileOrders)[number] | undefined;
  readonly after: string;
  readonly isBiggest: boolean;
}

/** Shows a directory or a file of the image, of all layers merged or of one; or the biggest files. */
export async function showFiles(visit: ImageVisit): Promise<void> {
  const looked = await lookAt(visit);
  if (!isReady(looked)) {
    sendImageView(visit, 'files', html`${platformForm(visit, looked.image)} ${indexPanel(visit, looked)}`);
    return;
  }
  const { files } = await visit.services.images();
  const wanted = wantedOf(visit);
  const entry = wanted.path === '' ? undefined : await files.find(looked, wanted.layer, wanted.path);
  const place: FilePlace = { visit, image: looked, layer: wanted.layer };
  const content =
    entry && entry.type !== 'directory'
      ? await showEntry(place, files, entry)
      : wanted.isBiggest
        ? await biggestFiles(place, files)
        : await directory(place, files, wanted, entry);
  const top = html`${foreignNote(visit, looked.image)} ${filter(visit, looked, wanted)} ${crumbs(place, wanted)}`;
  sendImageView(visit, 'files', html`${top} ${content}`);
}

function wantedOf({ query }: ImageVisit): Wanted {
  const layer = query.get('layer') ?? '';
  return {
    path: (query.get('path') ?? '').slice(0, maxPath).replace(/^\/+|\/+$/g, ''),
    layer: /^\d{1,4}$/.test(layer) ? Number(layer) : undefined,
    find: (query.get('find') ?? '').trim().slice(0, 255),
    sort: fileOrders.find((order) => order === query.get('sort')),
    after: (query.get('after') ?? '').slice(0, maxPath),
    isBiggest: query.has('biggest'),
  };
}

function platformForm(visit: ImageVisit, { platforms, platform }: ReadyImage['image']): Html | undefined {
  const choice = platformChoice(visit, platforms, platform);
  return choice && html`<form class="filter" method="get">${choice} <button>${visit.texts.files.show}</button></form>`;
}

function filter(visit: ImageVisit, { image }: ReadyImage, wanted: Wanted): Html {
  const { files, image: texts } = visit.texts;
  const option = (value: string, text: string, isChosen: boolean) =>
    html`<option value="${value}" ${isChosen ? html`selected` : undefined}>${text}</option>`;
  return html`<form class="filter" method="get">
    <input type="hidden" name="path" value="${wanted.path}" />
    ${platformChoice(visit, image.platforms, image.platform)}
    <label>
      ${files.layers}
      <select name="layer">
        ${option('', files.merged, wanted.layer === undefined)}
        ${image.layers.map((_, number) => option(String(number), texts.layer(number + 1), wanted.layer === number))}
      </select>
    </label>
    <label>
      ${files.order}
      <select name="sort">
        ${option('', files.orders.name, wanted.sort === undefined)}
        ${fileOrders.map((order) => option(order, files.orders[order], wanted.sort === order))}
      </select>
    </label>
    <label>${files.find} <input type="search" name="find" value="${wanted.find}" maxlength="255" /></label>
    <button>${files.show}</button>
    <a class="button" href="${queryWith(visit, { layer: layerText(wanted.layer), biggest: '1' })}">${files.biggest}</a>
  </form>`;
}

function layerText(layer: LayerNumber): string | undefined {
  return layer === undefined ? undefined : String(layer);
}

/** Shows the directories above the path, each as a link. */
function crumbs({ visit }: FilePlace, { path, layer }: Wanted): Html {
  const names = path === '' ? [] : path.split('/');
  const items = names.map((name, place) => {
    const above = names.slice(0, place + 1).join('/');
    return place === names.length - 1
      ? html`<li><code aria-current="location">${name}</code></li>`
      : html`<li>
          <a href="${queryWith(visit, { layer: layerText(layer), path: above })}"><code>${name}</code></a>
        </li>`;
  });
  return html`<nav class="path" aria-label="${visit.texts.files.path}">
    <ol>
      <li><a href="${queryWith(visit, { layer: layerText(layer) }) || '?'}">${visit.texts.files.root}</a></li>
      ${items}
    </ol>
  </nav>`;
}

async function biggestFiles(place: FilePlace, files: FileViews): Promise<Html> {
  const { visit, image, layer } = place;
  const entries = await files.biggest(image, layer);
  const { texts } = visit;
  const rows = entries.map((entry) => ({ entry, change: undefined }));
  return html`<h2>${texts.files.biggest}</h2>
    ${entries.length === 0 ? html`<p>${texts.files.none}</p>` : fileTable(place, rows, { caption: texts.files.biggest, isDeep: true })}`;
}

async function directory(place: FilePlace, files: FileViews, wanted: Wanted, entry: Entry | undefined): Promise<Html> {
  const { visit, image, layer } = place;
  const { path, find, sort, after } = wanted;
  const { texts } = visit;
  const caption = texts.files.caption(path === '' ? '/' : path);
  const sorted = find === '' && sort ? await files.sort(image, layer, path, sort) : undefined;
  const isTooLarge = find === '' && sort !== undefined && !sorted;
  const page =
    find === ''
      ? sorted
        ? toPage(partOf(sorted, after, pageSize))
        : await files.list(image, layer, path, sort && !isTooLarge ? '' : after, pageSize)
      : await files.search(image, layer, path, find, after, pageSize);
  const summary = entry && html`<p class="quiet">${texts.files.total(entry.files)}, ${byteSize(entry.bytes)}</p>`;
  const found = page.files.filter((file) => pathOf(file.entry) !== '');
  const nothing =
    page.next === undefined ? (find === '' ? texts.files.none : texts.files.notFound(find)) : texts.files.notFoundYet;
  return html`${summary} ${isTooLarge ? html`<p class="note">${texts.files.tooManyToSort(maxSorted)}</p>` : undefined}
  ${found.length === 0 ? html`<p>${nothing}</p>` : fileTable(place, found, { caption, isDeep: find !== '' })}
  ${paging(texts, visit.query, page.next)}`;
}

function toPage({ items, next }: ReturnType<typeof partOf<ListedFile>>): FilePage {
  return { files: items, next };
}
