import { type Entry, pathOf } from '../../../../images/index/entry.ts';
import type { LayerNumber, ListedFile } from '../../../../images/view/file-views.ts';
import type { ReadyImage } from '../../../../images/view/image-opener.ts';
import { byteSize } from '../../parts/size.ts';
import { table } from '../../parts/table.ts';
import { type Html, html } from '../../shell/html.ts';
import type { Texts } from '../../texts/english/texts.ts';
import type { ImageVisit } from '../repository/repository-view.ts';
import { queryWith, urlOf } from './image-view.ts';

/** Where the files are that a view shows. */
export interface FilePlace {
  readonly visit: ImageVisit;
  readonly image: ReadyImage;
  /** Undefined: all layers merged. */
  readonly layer: LayerNumber;
}

/** Shows files in a table. `isDeep`: they are of several directories, and are shown with their paths. */
export function fileTable(
  place: FilePlace,
  files: readonly ListedFile[],
  { caption, isDeep }: { readonly caption: string; readonly isDeep: boolean },
): Html {
  const { visit, layer } = place;
  const columns = visit.texts.files;
  const last = layer === undefined ? columns.layer : columns.change;
  const names = [columns.name, columns.size, columns.mode, columns.owner, columns.modified, last, columns.content];
  const rows = files.map(({ entry, change }) => ({
    heading: heading(place, entry, isDeep),
    cells: [
      entry.type === 'directory' ? byteSize(entry.bytes) : entry.type === 'file' ? byteSize(entry.sizeBytes) : '',
      html`<code>${modeOf(entry)}</code>`,
      ownerOf(entry),
      dateOf(entry.mtime),
      layer === undefined ? layerLink(visit, entry) : change && changeChip(visit.texts, change),
      hasContent(entry) ? contentLink(place, entry, columns.download, columns.downloadFile(entry.name)) : '',
    ],
  }));
  return table(caption, names, rows);
}

function heading({ visit, layer }: FilePlace, entry: Entry, isDeep: boolean): Html {
  const { type, name, link } = entry;
  const text = isDeep ? pathOf(entry) : name;
  const { types } = visit.texts.files;
  if (type === 'whiteout') return html`<code>${text}</code>`;
  const href = queryWith(visit, { layer: layer === undefined ? undefined : String(layer), path: pathOf(entry) });
  const mark = type === 'directory' ? '/' : '';
  const target = link === '' ? undefined : html` <span class="quiet">→ ${link}</span>`;
  const kind = type === 'file' || type === 'directory' ? undefined : html` <span class="chip">${types[type]}</span>`;
  return html`<a href="${href}"><code>${text}${mark}</code></a
    >${kind}${target}`;
}

export function hasContent({ type }: Entry): boolean {
  return type === 'file' || type === 'hardlink';
}

/** Returns a link that downloads the file. */
export function contentLink({ visit, layer }: FilePlace, entry: Entry, text: string, label: string, style = ''): Html {
  const query = queryWith(visit, { layer: layer === undefined ? undefined : String(layer), path: pathOf(entry) });
  return html`<a class="${style}" href="${urlOf(visit, '/-/file')}${query}" aria-label="${label}" download>${text}</a>`;
}

function layerLink(visit: ImageVisit, entry: Entry): Html {
  const query = queryWith(visit, { layer: String(entry.layer), path: entry.directory });
  return html`<a href="${query}">${visit.texts.image.layer(entry.layer + 1)}</a>`;
}

/** Shows what a layer changes, in words and not by colour alone. */
export function changeChip({ files }: Texts, change: NonNullable<ListedFile['change']>): Html | undefined {
  return change === 'none' ? undefined : html`<span class="chip ${change}">${files.changes[change]}</span>`;
}

/** Formats permissions as `chmod` takes them. */
export function modeOf({ mode }: Entry): string {
  return mode.toString(8).padStart(4, '0');
}

/** Formats owner and group: `root:root`, or numbers where the archive has no names. */
export function ownerOf({ user, uid, group, gid }: Entry): string {
  return `${user === '' ? uid : user}:${group === '' ? gid : group}`;
}

/** Shows a time in seconds since 1970, in UTC; nothing for a number that is none. */
export function dateOf(seconds: number): Html | undefined {
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) return undefined;
  const iso = date.toISOString();
  return html`<time datetime="${iso}" title="${iso.replace('T', ' ').slice(0, 19)} UTC">${iso.slice(0, 10)}</time>`;
}
