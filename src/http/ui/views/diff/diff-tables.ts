import type { ChangedFile } from '../../../../images/diff/changed-file.ts';
import type { ChangedField } from '../../../../images/diff/config-diff.ts';
import type { FileDiff } from '../../../../images/diff/file-diff.ts';
import type { LayerDiff } from '../../../../images/diff/layer-diff.ts';
import type { ChangedPackage } from '../../../../images/diff/package-diff.ts';
import type { Entry } from '../../../../images/index/entry.ts';
import type { NamedReference } from '../../../../oci/reference.ts';
import { digestCode } from '../../parts/digest.ts';
import { byteSize } from '../../parts/size.ts';
import { table } from '../../parts/table.ts';
import { type Html, html } from '../../shell/html.ts';
import type { Texts } from '../../texts/english/texts.ts';
import { modeOf, ownerOf } from '../image/file-table.ts';
import { queryText } from '../image/image-url.ts';

/** One side of the comparison. */
export interface Side extends NamedReference {
  /** The reference as people write it. */
  readonly name: string;
  /** Of an index, as the visitor has chosen it. */
  readonly platform: string | null;
}

type Change = 'added' | 'changed' | 'deleted';

/** Says in a word, and in a colour, what happened between the two sides. */
function chip({ files }: Texts, from: unknown, to: unknown): Html {
  const change: Change = from === null || from === undefined ? 'added' : to === null || to === undefined ? 'deleted' : 'changed';
  return html`<span class="chip ${change}">${files.changes[change]}</span>`;
}

/** Each table is there only if it has rows. */
function section(title: string, columns: readonly string[], rows: Parameters<typeof table>[2], note?: Html): Html {
  return html`<h2>${title}</h2>
    ${note} ${rows.length === 0 ? undefined : table(title, columns, rows)}`;
}

export function configTable(texts: Texts, config: readonly ChangedField[]): Html | undefined {
  if (config.length === 0) return undefined;
  const { diff } = texts;
  const value = (text: string | null) => (text === null ? '' : html`<code>${text}</code>`);
  const rows = config.map(({ field, from, to }) => ({
    heading: html`<code>${field}</code>`,
    cells: [chip(texts, from, to), value(from), value(to)],
  }));
  return section(texts.image.details, [diff.field, texts.files.change, diff.from, diff.to], rows);
}

export function layerTable(texts: Texts, { shared, removed, added }: LayerDiff): Html {
  const { diff, image, files } = texts;
  const row = ({ digest, sizeBytes }: LayerDiff['added'][number], isAdded: boolean) => ({
    heading: digestCode(digest),
    cells: [isAdded ? chip(texts, undefined, digest) : chip(texts, digest, undefined), byteSize(sizeBytes)],
  });
  const rows = [...removed.map((layer) => row(layer, false)), ...added.map((layer) => row(layer, true))];
  const note = html`<p class="quiet">${diff.sharedLayers(shared)}</p>`;
  return section(image.layers, [image.layerColumn, files.change, files.size], rows, note);
}

/** Shows the counts of changed files, and the files with the largest changes. */
export function fileTables(texts: Texts, from: Side, to: Side, files: FileDiff): Html {
  const { diff } = texts;
  const total = files.added + files.removed + files.changed;
  const note = html`<p>
    ${diff.fileCounts(files.added, files.changed, files.removed)}
    <span class="quiet">(+${byteSize(files.addedBytes)}, −${byteSize(files.removedBytes)})</span>
    ${files.files.length < total ? diff.largest(files.files.length) : undefined}
  </p>`;
  const rows = files.files.map((file) => ({
    heading: html`<code>${file.path}</code>`,
    cells: [chip(texts, file.from, file.to), side(texts, from, file, file.from), side(texts, to, file, file.to)],
  }));
  return section(texts.image.files, [texts.files.name, texts.files.change, diff.from, diff.to], rows, note);
}

/** Shows an entry as one side has it, with a link. A change of owner or permissions is shown where the content is the same. */
function side(texts: Texts, { name, platform }: Side, { path, bytes }: ChangedFile, entry: Entry | undefined): Html | undefined {
  if (!entry) return undefined;
  const text = entry.type === 'file' ? byteSize(entry.sizeBytes) : texts.files.types[entry.type];
  const target = entry.link === '' ? undefined : html` → <code>${entry.link}</code>`;
  const owner = bytes === 0 ? html` <code>${modeOf(entry)} ${ownerOf(entry)}</code>` : undefined;
  const query = queryText({ platform, path });
  return html`<a href="/ui/r/${name}/-/files${query}">${text}</a>${target}${owner}`;
}

export function packageTable(texts: Texts, packages: readonly ChangedPackage[]): Html | undefined {
  if (packages.length === 0) return undefined;
  const { diff } = texts;
  const version = (text: string | null) => (text === null ? '' : html`<code>${text}</code>`);
  const rows = packages.map(({ name, format, from, to }) => ({
    heading: html`<code>${name}</code> <span class="chip">${format}</span>`,
    cells: [chip(texts, from, to), version(from), version(to)],
  }));
  return section(texts.contents.viewNames.packages, [texts.packages.name, texts.files.change, diff.from, diff.to], rows);
}
