import { posix } from 'node:path';
import { ImageError } from '../../../../images/index/image-error.ts';
import type { Entry } from '../../../../images/index/entry.ts';
import type { FilePreview, FileViews } from '../../../../images/view/file-views.ts';
import { isReady } from '../../../../images/view/image-opener.ts';
import { serveAttachment } from '../../../transfer/attachment.ts';
import { byteSize } from '../../parts/size.ts';
import { type Html, html, preformatted } from '../../shell/html.ts';
import type { ImageVisit } from '../repository/repository-view.ts';
import { type FilePlace, contentLink, dateOf, hasContent, modeOf, ownerOf } from './file-table.ts';
import { queryWith } from './image-url.ts';
import { lookAt } from './index-state.ts';

const bytesPerLine = 16;

/** Shows an entry that is no directory, and its text or its first bytes. */
export async function showEntry(place: FilePlace, files: FileViews, entry: Entry): Promise<Html> {
  const { texts } = place.visit;
  const content = hasContent(entry) ? await previewOf(place, files, entry) : undefined;
  const download = content && contentLink(place, entry, texts.files.download, texts.files.downloadFile(entry.name), 'button');
  return html`${facts(place, entry)} ${download} ${content}`;
}

function facts({ visit }: FilePlace, entry: Entry): Html {
  const { files, image } = visit.texts;
  const time = dateOf(entry.mtime);
  const shown: readonly (readonly [string, Html | string | undefined])[] = [
    [files.type, entry.type === 'opaque' || entry.type === 'directory' ? undefined : files.types[entry.type]],
    [files.target, entry.link === '' ? undefined : targetLink(visit, entry)],
    [files.size, entry.type === 'file' ? byteSize(entry.sizeBytes) : undefined],
    [files.mode, html`<code>${modeOf(entry)}</code>`],
    [files.owner, ownerOf(entry)],
    [files.modified, time],
    [
      files.layer,
      html`<a href="${queryWith(visit, { layer: String(entry.layer), path: entry.directory })}"
        >${image.layer(entry.layer + 1)}</a
      >`,
    ],
    ['SHA-256', entry.sha256 === '' ? undefined : html`<code>${entry.sha256}</code>`],
  ];
  const items = shown.flatMap(([name, value]) =>
    value === undefined
      ? []
      : [
          html`<dt>${name}</dt>
            <dd>${value}</dd>`,
        ],
  );
  return html`<dl>${items}</dl>`;
}

function targetLink(visit: ImageVisit, { type, directory, link }: Entry): Html {
  // The target of a hard link is a path of the archive, that of a symbolic link is relative to its directory.
  const path = type === 'hardlink' ? link : posix.resolve('/', directory, link).slice(1);
  return html`<a href="${queryWith(visit, { path }) || '?'}"><code>${link}</code></a>`;
}

async function previewOf({ visit, image }: FilePlace, files: FileViews, entry: Entry): Promise<Html> {
  const { files: texts } = visit.texts;
  let preview: FilePreview;
  try {
    preview = await files.preview(image, entry);
  } catch (error) {
    if (error instanceof ImageError) return html`<p class="note">${error.message}</p>`;
    throw error;
  }
  const { text, hex = '' } = preview;
  if (text === '') return html`<p class="quiet">${texts.empty}</p>`;
  return text === undefined
    ? html`<p class="quiet">${texts.firstBytes}</p>
        <pre tabindex="0" role="region" aria-label="${texts.content}">${preformatted(hexLines(hex))}</pre>`
    : html`<pre tabindex="0" role="region" aria-label="${texts.content}">${preformatted(text)}</pre>`;
}

/** Formats bytes as `hexdump -C` does: offset, 16 bytes, and those that are ASCII as characters. */
function hexLines(hex: string): string {
  const lines: string[] = [];
  for (let at = 0; at < hex.length; at += 2 * bytesPerLine) {
    const line = hex.slice(at, at + 2 * bytesPerLine);
    const offset = (at / 2).toString(16).padStart(8, '0');
    const ascii = Buffer.from(line, 'hex')
      .toString('latin1')
      .replace(/[^ -~]/g, '.');
    lines.push(`${offset}  ${(line.match(/../g) ?? []).join(' ').padEnd(3 * bytesPerLine - 1)}  ${ascii}`);
  }
  return lines.join('\n');
}

/** Sends a file of the image as an attachment. Rejects `ImageError` if the image is not indexed, or has no such file. */
export async function downloadFile(visit: ImageVisit): Promise<void> {
  const { query, request, response } = visit;
  const looked = await lookAt(visit);
  if (!isReady(looked)) throw new ImageError('not_ready', looked.status.message || visit.texts.contents.absent);
  const { files } = await visit.services.images();
  const layer = query.get('layer') ?? '';
  const entry = await files.find(looked, /^\d{1,4}$/.test(layer) ? Number(layer) : undefined, query.get('path') ?? '');
  await serveAttachment(request, response, await files.content(looked, entry));
}
