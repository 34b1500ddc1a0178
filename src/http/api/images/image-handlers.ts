import type { z } from 'zod';
import { pathOf } from '../../../images/index/entry-key.ts';
import type { Entry } from '../../../images/index/entry.ts';
import { ImageError } from '../../../images/index/image-error.ts';
import { maxSorted } from '../../../images/view/file-order.ts';
import type { FilePage, FileViews } from '../../../images/view/file-views.ts';
import type { FoundImage } from '../../../images/view/image-finder.ts';
import { type ImageAddress, type ImageView, type ReadyImage, isReady } from '../../../images/view/image-opener.ts';
import { wasteOf } from '../../../images/view/waste.ts';
import type { Descriptor } from '../../../oci/descriptor.ts';
import { OciError } from '../../../oci/errors.ts';
import { serveAttachment } from '../../transfer/attachment.ts';
import type { Context } from '../table/route.ts';
import type * as s from './image-schemas.ts';

interface Query<Schema extends z.ZodType> {
  readonly query: z.output<Schema>;
}

const defaultPage = 100;
const defaultChangedFiles = 200;

export async function listFiles({ query }: Query<typeof s.filesQuery>, context: Context) {
  const images = await context.images();
  const { layer, wait } = query;
  const view = await images.open(query, wait);
  const page = isReady(view) ? await findFiles(images.files, view, query) : { files: [], next: undefined };
  return {
    ...describe(view),
    items: page.files.map(({ entry, change }) => ({ ...toFile(entry, layer), change: change ?? null })),
    next: page.next ?? null,
  };
}

async function findFiles(files: FileViews, view: ReadyImage, query: z.output<typeof s.filesQuery>): Promise<FilePage> {
  const { path = '', layer, find, sort, after = '', limit = defaultPage } = query;
  if (find !== undefined) return files.search(view, layer, path, find, after, limit);
  if (sort === undefined) return files.list(view, layer, path, after, limit);
  const sorted = await files.sort(view, layer, path, sort);
  if (!sorted) throw new ImageError('unsupported', `the directory has more than ${maxSorted} entries: it is listed by name only`);
  return { files: sorted, next: undefined };
}

export async function showFile({ query }: Query<typeof s.fileQuery>, context: Context) {
  const images = await context.images();
  const view = await images.openReady(query, query.wait);
  const entry = await images.files.find(view, query.layer, query.path);
  const hasContent = entry.type === 'file' || entry.type === 'hardlink';
  const preview = hasContent ? await images.files.preview(view, entry) : undefined;
  return { image: toImage(view.image), entry: toFile(entry), text: preview?.text ?? null, hex: preview?.hex ?? null };
}

export async function sendFile({ query }: Query<typeof s.fileQuery>, context: Context): Promise<void> {
  const images = await context.images();
  const view = await images.openReady(query, query.wait);
  const content = await images.files.content(view, await images.files.find(view, query.layer, query.path));
  await serveAttachment(context.exchange.request, context.exchange.response, content);
}

export async function listPackages({ query }: Query<typeof s.viewQuery>, context: Context) {
  const images = await context.images();
  const view = await images.open(query, query.wait);
  const { files, packages } = isReady(view) ? await images.packages.list(view) : { files: [], packages: [] };
  return { ...describe(view), files, items: packages };
}

export async function showWaste({ query }: Query<typeof s.viewQuery>, context: Context) {
  const images = await context.images();
  const view = await images.open(query, query.wait);
  const { layers: shares = [], wasted = [], biggest = [] } = view.index?.head ?? {};
  const layers = shares.map(({ totalBytes, hiddenBytes, added, changed, deleted }, place) => ({
    digest: view.image.layers[place]?.digest ?? '',
    totalBytes,
    added,
    changed,
    deleted,
    wastedBytes: hiddenBytes,
  }));
  return {
    ...describe(view),
    ...wasteOf({ layers: shares }),
    layers,
    wasted,
    biggest: biggest.map((entry) => toFile(entry)),
  };
}

export async function diffImages({ query }: Query<typeof s.diffQuery>, context: Context) {
  const images = await context.images();
  const { repository, toRepository = repository, from, to, platform, wait, limit = defaultChangedFiles } = query;
  if (toRepository !== repository && !(await context.allows('pull', toRepository))) {
    throw new OciError('NAME_UNKNOWN', { detail: { name: toRepository } });
  }
  const open = (address: ImageAddress) => images.open({ ...address, platform }, wait);
  const [one, other] = [await open({ repository, reference: from }), await open({ repository: toRepository, reference: to })];
  const { config, layers, download, files, packages } = await images.diffs.diff(one, other, limit);
  return {
    from: describe(one),
    to: describe(other),
    download,
    config,
    layers: { shared: layers.shared, removed: layers.removed.map(toLayer), added: layers.added.map(toLayer) },
    files: files
      ? {
          ...files,
          items: files.files.map(({ path, bytes, from, to }) => ({
            path,
            bytes,
            from: from ? toFile(from) : null,
            to: to ? toFile(to) : null,
          })),
        }
      : null,
    packages: packages ?? null,
  };
}

function describe({ image, status }: ImageView) {
  return { image: toImage(image), index: status };
}

function toImage({ repository, digest, platform, platforms, layers, foreignLayers }: FoundImage) {
  return { repository, digest, platform: platform ?? null, platforms, layers: layers.map(toLayer), foreignLayers };
}

function toLayer({ digest, mediaType, sizeBytes }: Descriptor) {
  return { digest, mediaType, size: sizeBytes };
}

/** `layer`: the layer whose index the entry comes from; undefined: the entry says which. */
function toFile(entry: Entry, layer = entry.layer) {
  const { name, type, mode, uid, gid, user, group, sizeBytes, mtime, link, sha256, files, bytes, isOpaque, isImplied } = entry;
  const isDirectory = type === 'directory';
  return {
    path: pathOf(entry),
    name,
    type,
    uid,
    gid,
    user,
    group,
    layer,
    mode: mode.toString(8).padStart(4, '0'),
    size: sizeBytes,
    modifiedAt: dateOf(mtime),
    link: link === '' ? null : link,
    sha256: sha256 === '' ? null : sha256,
    files: isDirectory ? files : null,
    bytes: isDirectory ? bytes : null,
    opaque: isOpaque,
    implied: isImplied,
  };
}

/** Archives may have any number as a time. */
function dateOf(seconds: number): string | null {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}
