import { pathOf } from '../../../../images/index/entry-key.ts';
import type { Entry } from '../../../../images/index/entry.ts';
import type { LayerNumber, ListedFile } from '../../../../images/view/file-views.ts';
import type { ReadyImage } from '../../../../images/view/image-opener.ts';
import { byteSize } from '../../parts/size.ts';
import { table } from '../../parts/table.ts';
import { type Html, html } from '../../shell/html.ts';
import type { Texts } from '../../texts/english/texts.ts';
import type { ImageVisit } from '../repository/repository-view.ts';
import { queryWith, urlOf } from './image-url.ts';

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
  // The files of a directory have few times, modes and layers.
  const mode = memoize((bits: number) => html`<code>${modeOf({ mode: bits })}</code>`);
  const date = memoize(dateOf);
  const fromLayer = memoize((directory: string) => memoize((number: number) => layerLink(visit, directory, number)));
  const rows = files.map(({ entry, change }) => {
    const query = queryOf(place, entry);
    return {
      heading: heading(place, entry, query, isDeep),
      cells: [
        entry.type === 'directory' ? byteSize(entry.bytes) : entry.type === 'file' ? byteSize(entry.sizeBytes) : '',
        mode(entry.mode),
        ownerOf(entry),
        date(entry.mtime),
        layer === undefined ? fromLayer(entry.directory)(entry.layer) : change && changeChip(visit.texts, change),
        hasContent(entry) ? downloadLink(visit, query, columns.download, columns.downloadFile(entry.name)) : '',
      ],
    };
  });
  return table(caption, names, rows);
}

/** Remembers the results of a function for the rows of one table. */
function memoize<Key extends string | number, Result>(compute: (key: Key) => Result): (key: Key) => Result {
  const known = new Map<Key, Result>();
  return (key) => {
    const found = known.get(key);
    if (found !== undefined) return found;
    const result = compute(key);
    known.set(key, result);
    return result;
  };
}

/** Returns the query of the view of a file. */
function queryOf({ visit, layer }: FilePlace, entry: Entry): string {
  return queryWith(visit, { layer: layer === undefined ? undefined : String(layer), path: pathOf(entry) });
}

function heading({ visit }: FilePlace, entry: Entry, query: string, isDeep: boolean): Html {
  const { type, name, link } = entry;
  const text = isDeep ? pathOf(entry) : name;
  const { types } = visit.texts.files;
  if (type === 'whiteout') return html`<code>${text}</code>`;
  const mark = type === 'directory' ? '/' : '';
  const target = link === '' ? undefined : html` <span class="quiet">→ ${link}</span>`;
  const kind = type === 'file' || type === 'directory' ? undefined : html` <span class="chip">${types[type]}</span>`;
  return html`<a href="${query}"><code>${text}${mark}</code></a
    >${kind}${target}`;
}

export function hasContent({ type }: Entry): boolean {
  return type === 'file' || type === 'hardlink';
}

/** Returns a link that downloads the file. */
export function contentLink(place: FilePlace, entry: Entry, text: string, label: string, style = ''): Html {
  return downloadLink(place.visit, queryOf(place, entry), text, label, style);
}

function downloadLink(visit: ImageVisit, query: string, text: string, label: string, style = ''): Html {
  return html`<a class="${style}" href="${urlOf(visit, '/-/file')}${query}" aria-label="${label}" download>${text}</a>`;
}

function layerLink(visit: ImageVisit, directory: string, layer: number): Html {
  const query = queryWith(visit, { layer: String(layer), path: directory });
  return html`<a href="${query}">${visit.texts.image.layer(layer + 1)}</a>`;
}

/** Shows what a layer changes, in words and not by colour alone. */
export function changeChip({ files }: Texts, change: NonNullable<ListedFile['change']>): Html | undefined {
  return change === 'none' ? undefined : html`<span class="chip ${change}">${files.changes[change]}</span>`;
}

/** Formats permissions as `chmod` takes them. */
export function modeOf({ mode }: Pick<Entry, 'mode'>): string {
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
