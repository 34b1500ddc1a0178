import type { BlobDriver, ByteRange } from '../../../storage/blobs/driver.ts';
import { openContent } from '../../content/missing-content.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Indexes } from '../build/indexes.ts';
import { type PackedArchive, readArchive, TooFarInside } from '../content/archive-reader.ts';
import { pathOf } from '../index/entry-key.ts';
import type { Entry } from '../index/entry.ts';
import { ImageError } from '../index/image-error.ts';
import { type Change, changeKinds } from '../index/image-head.ts';
import type { Checkpoint, LayerHead } from '../index/layer-head.ts';
import type { StoredIndex } from '../store/index-store.ts';
import { type PlacedEntry, listDirectory } from './directory-listing.ts';
import { type FileOrder, maxSorted, sortEntries } from './file-order.ts';
import { searchNames } from './file-search.ts';
import { findPath } from './find-path.ts';
import type { FoundImage } from './image-finder.ts';
import type { ReadyImage } from './image-opener.ts';

/** An entry of a directory. */
export interface ListedFile {
  readonly entry: Entry;
  /** What the layer changes with it; undefined in the merged view. */
  readonly change: Change | undefined;
}

export interface FilePage {
  readonly files: readonly ListedFile[];
  /** The name to continue after; undefined at the end. */
  readonly next: string | undefined;
}

/** The beginning of a file, for a page. */
export interface FilePreview {
  /** The whole file if it is text of at most 1 MiB; undefined for other files. */
  readonly text: string | undefined;
  /** The first 64 KiB of other files, as hexadecimal digits. */
  readonly hex: string | undefined;
}

/** The content of a file. */
export interface FileContent {
  readonly name: string;
  readonly sizeBytes: number;
  /** SHA-256 in hexadecimal digits. */
  readonly sha256: string;
  /** Yields `length` bytes from `offset` on. */
  stream(offset: number, length: number): AsyncGenerator<Buffer>;
}

/** Which part of an image is shown: the merged view, or one layer, counted from 0 at the bottom. */
export type LayerNumber = number | undefined;

/** Files of an image whose index is ready. */
export interface FileViews {
  /** Lists a directory after a name, at most `limit` entries (1–900). Rejects `ImageError` if there is no such directory. */
  list(image: ReadyImage, layer: LayerNumber, directory: string, after: string, limit: number): Promise<FilePage>;
  /**
   * Lists a directory by size or time: at most 5,000 entries. Undefined for a directory with more. Rejects as `list` does.
   */
  sort(image: ReadyImage, layer: LayerNumber, directory: string, order: FileOrder): Promise<readonly ListedFile[] | undefined>;
  /**
   * Finds entries below a directory whose name contains a text, in any case, after a path: at most `limit`, and perhaps none
   * although `next` says that more follow.
   */
  search(image: ReadyImage, layer: LayerNumber, directory: string, text: string, after: string, limit: number): Promise<FilePage>;
  /** Returns the biggest files, biggest first: 200 at most. */
  biggest(image: ReadyImage, layer: LayerNumber): Promise<readonly Entry[]>;
  /** Returns the entry of a path. Rejects `ImageError` if there is none. */
  find(image: ReadyImage, layer: LayerNumber, path: string): Promise<Entry>;
  /** Returns the content of a file; of a hard link, that of its target. Rejects `ImageError` for entries without content. */
  content(image: ReadyImage, entry: Entry): Promise<FileContent>;
  preview(image: ReadyImage, entry: Entry): Promise<FilePreview>;
}

export interface FileViewsOptions {
  readonly driver: BlobDriver;
  readonly indexes: Pick<Indexes, 'layer'>;
  /** Called with the sizes of the pieces that are unpacked to read a file. */
  readonly onUnpacked?: (bytes: number) => void;
}

const maxTextBytes = 1024 * 1024;
const hexBytes = 64 * 1024;
/** Entries that are read at once to be sorted. */
const sortedPage = 900;

export function createFileViews({ driver, indexes, onUnpacked }: FileViewsOptions): FileViews {
  async function layerIndex(image: FoundImage, number: number): Promise<StoredIndex<LayerHead>> {
    const layer = layerOf(image, number);
    const found = await indexes.layer(layer);
    if (found.state !== 'ready') throw new ImageError('not_ready', `the layer ${layer.digest} is not indexed: ask again soon`);
    return found.index;
  }

  async function find(view: ReadyImage, layer: LayerNumber, path: string): Promise<Entry> {
    const index = layer === undefined ? view.index : await layerIndex(view.image, layer);
    const found = (await findPath(index, path)).at(-1);
    if (!found) throw new ImageError('not_found', `the image has no file ${JSON.stringify(path)}`);
    return layer === undefined ? found : { ...found, layer };
  }

  /** Follows a hard link to the file with its content, which may be in a layer below. */
  async function withContent(view: ReadyImage, entry: Entry): Promise<Entry> {
    if (entry.type === 'file') return entry;
    if (entry.type !== 'hardlink') throw new ImageError('not_found', `${pathOf(entry)} has no content: it is a ${entry.type}`);
    for (let layer = entry.layer; layer >= 0; layer--) {
      const target = (await findPath(await layerIndex(view.image, layer), entry.link)).at(-1);
      if (target?.type === 'file') return { ...target, layer };
    }
    throw new ImageError('not_found', `the target of the hard link ${pathOf(entry)} is not in the image`);
  }

  async function archiveOf({ image }: ReadyImage, number: number): Promise<PackedArchive> {
    const index = await layerIndex(image, number);
    const { checkpoints } = index.head;
    return {
      head: index.head,
      checkpoints: checkpoints ? ((await index.json(checkpoints)) as readonly Checkpoint[]) : [],
      sizeBytes: layerOf(image, number).sizeBytes,
      readBlob: (range) => readBlob(driver, layerOf(image, number), range),
      readSection: index.read,
      ...(onUnpacked ? { onUnpacked } : {}),
    };
  }

  async function* read(view: ReadyImage, file: Entry, offset: number, length: number): AsyncGenerator<Buffer> {
    yield* asImageError(readArchive(await archiveOf(view, file.layer), file.offset + offset, length));
  }

  const indexOf = (view: ReadyImage, layer: LayerNumber) => (layer === undefined ? view.index : layerIndex(view.image, layer));

  async function list(view: ReadyImage, layer: LayerNumber, directory: string, after: string, limit: number): Promise<FilePage> {
    const page = await listDirectory(await indexOf(view, layer), directory, after, limit);
    // An image without layers has an empty root.
    if (page.entries.length === 0 && directory !== '') await requireDirectory(find(view, layer, directory), directory);
    const entries = page.entries.filter(({ entry }) => entry.name !== '');
    return { files: await withChanges(view, layer, entries), next: page.next };
  }

  return {
    list,
    async sort(view, layer, directory, order) {
      const files: ListedFile[] = [];
      for (let after: string | undefined = ''; after !== undefined;) {
        const page: FilePage = await list(view, layer, directory, after, sortedPage);
        files.push(...page.files);
        if (files.length > maxSorted) return undefined;
        after = page.next;
      }
      return sortEntries(files, order);
    },
    async search(view, layer, directory, text, after, limit) {
      const { entries, next } = await searchNames(await indexOf(view, layer), directory, text, after, limit);
      return { files: await withChanges(view, layer, entries), next };
    },
    biggest: async (view, layer) =>
      (await indexOf(view, layer)).head.biggest.map((entry) => (layer === undefined ? entry : { ...entry, layer })),
    find,
    async content(view, entry) {
      const file = await withContent(view, entry);
      const { sizeBytes, sha256 } = file;
      return { name: entry.name, sizeBytes, sha256, stream: (offset, length) => read(view, file, offset, length) };
    },
    async preview(view, entry) {
      const file = await withContent(view, entry);
      const isShort = file.sizeBytes <= maxTextBytes;
      const parts: Buffer[] = [];
      for await (const part of read(view, file, 0, isShort ? file.sizeBytes : hexBytes)) parts.push(part);
      const bytes = Buffer.concat(parts);
      const text = isShort ? textOf(bytes) : undefined;
      return { text, hex: text === undefined ? bytes.toString('hex', 0, hexBytes) : undefined };
    },
  };
}

function layerOf({ layers }: FoundImage, number: number): Descriptor {
  const layer = layers[number];
  if (!layer)
    throw new ImageError('not_found', `the image has ${layers.length} layers, counted from 0: there is no layer ${number}`);
  return layer;
}

async function requireDirectory(found: Promise<Entry>, path: string): Promise<void> {
  if ((await found).type !== 'directory') throw new ImageError('not_found', `${path} is not a directory`);
}

/** Returns the entries, of a layer with what it changes with each. They are in the order of the index, and near each other. */
async function withChanges(
  { index }: ReadyImage,
  layer: LayerNumber,
  entries: readonly PlacedEntry[],
): Promise<readonly ListedFile[]> {
  const section = layer === undefined ? undefined : index.head.layers[layer]?.changes;
  const [first, last] = [entries[0]?.position, entries.at(-1)?.position];
  if (!section || first === undefined || last === undefined) return entries.map(({ entry }) => ({ entry, change: undefined }));
  const start = first >> 2;
  const bytes = await index.read({ offset: section.offset + start, length: (last >> 2) - start + 1 });
  return entries.map(({ entry, position }) => {
    const kind = ((bytes[(position >> 2) - start] ?? 0) >> (2 * (position & 3))) & 3;
    return { entry, change: changeKinds[kind] };
  });
}

/** Returns the text of a file; undefined for bytes that are no UTF-8, or contain NUL. */
function textOf(bytes: Buffer): string | undefined {
  if (bytes.includes(0)) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

async function* readBlob(driver: BlobDriver, { digest, sizeBytes }: Descriptor, range: ByteRange): AsyncGenerator<Uint8Array> {
  const object = await openContent(driver, digest, sizeBytes, range);
  try {
    yield* object.stream();
  } finally {
    await object.close();
  }
}

async function* asImageError(chunks: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* chunks;
  } catch (error) {
    throw error instanceof TooFarInside ? new ImageError('unsupported', error.message) : error;
  }
}
