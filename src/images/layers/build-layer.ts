import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { createBiggest } from '../index/biggest.ts';
import { createTotalsCollector } from '../index/directory-totals.ts';
import { compareEntries, impliedDirectory, keyOf } from '../index/entry-key.ts';
import type { Entry, EntryType } from '../index/entry.ts';
import type { IndexWriter } from '../index/index-writer.ts';
import type { Checkpoint, Compression } from '../index/layer-head.ts';
import { mergeSorted } from '../index/merge-sorted.ts';
import { type PackageCollector, createPackageCollector } from '../packages/package-collector.ts';
import { createEntrySorter } from './entry-sorter.ts';
import type { GzipCheckpoint } from './gzip-checkpoints.ts';
import { type Limits, freeRatioBytes, InvalidLayer, LimitExceeded } from './limits.ts';
import type { TarHeader } from './tar-header.ts';
import { createTarReader } from './tar-reader.ts';
import { unpack } from './unpack.ts';

/** How many of the biggest files an index lists. */
export const biggestFiles = 200;

export interface LayerSource {
  readonly blob: AsyncIterable<Uint8Array>;
  readonly sizeBytes: number;
}

/** Reads a layer and writes its index. Throws `InvalidLayer`, `LimitExceeded`. */
export async function buildLayer({ blob, sizeBytes }: LayerSource, writer: IndexWriter, limits: Limits): Promise<void> {
  let readBytes = 0;
  let unpackedBytes = 0;
  let compression: Compression = 'none';
  const checkpoints: Checkpoint[] = [];
  let waiting: GzipCheckpoint[] = [];
  let checkpointBytes = 0;
  const collector = createEntryCollector(limits);
  const reader = createTarReader(collector);

  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const chunk of blob) {
      readBytes += chunk.length;
      yield chunk;
    }
  }

  async function storeCheckpoints(): Promise<void> {
    for (const { window, ...place } of waiting) {
      checkpoints.push({
        ...place,
        kind: window ? 'block' : 'start',
        window: window && (await writer.section(zstdCompressSync(window))),
      });
      checkpointBytes += 100;
    }
    waiting = [];
  }

  const archive = unpack({
    blob: counted(),
    sizeBytes,
    onCompression: (found) => void (compression = found),
    onCheckpoint: (checkpoint) => void waiting.push(checkpoint),
  });
  for await (const chunk of archive) {
    unpackedBytes += chunk.length;
    requireUnpacked(limits, unpackedBytes, readBytes);
    reader.write(chunk);
    requireMemory(limits, collector.heldBytes() + checkpointBytes);
    await storeCheckpoints();
  }
  reader.finish();
  // Clients unpack nothing at all as a layer without files.
  if (collector.count() === 0 && unpackedBytes > 0 && unpackedBytes < 2 * 512)
    throw new InvalidLayer('the blob is not a tar archive');

  const { frames, entries, biggest } = await collector.write(writer, (heldBytes) =>
    requireMemory(limits, heldBytes + checkpointBytes),
  );
  await writer.finish({
    kind: 'layer',
    compression,
    unpackedBytes,
    frames,
    entries,
    biggest,
    ...(await collector.packages(writer)),
    checkpoints: checkpoints.length > 1 ? await writer.json(checkpoints) : undefined,
  });
}

function requireUnpacked(limits: Limits, unpackedBytes: number, readBytes: number): void {
  if (unpackedBytes > limits.unpackedBytes) {
    throw new LimitExceeded('unpacked', `the layer has more than ${limits.unpackedBytes} unpacked bytes`);
  }
  if (unpackedBytes > freeRatioBytes && unpackedBytes > limits.ratio * readBytes) {
    throw new LimitExceeded('ratio', `the layer unpacks to more than ${limits.ratio} times its size`);
  }
}

function requireMemory(limits: Limits, heldBytes: number): void {
  if (heldBytes <= limits.memoryBytes) return;
  throw new LimitExceeded('memory', `the list of files of the layer needs more than ${limits.memoryBytes} bytes of memory`);
}

/** Collects the entries of an archive. */
function createEntryCollector(limits: Limits) {
  const sorter = createEntrySorter();
  const found = createPackageCollector();
  let count = 0;
  let current: OpenEntry | undefined;

  return {
    entry(header: TarHeader, offset: number) {
      if (++count > limits.entries) {
        throw new LimitExceeded('entries', `the layer has more than ${limits.entries} entries`);
      }
      const entry = toEntry(header, offset, limits);
      current = entry && { entry, hash: createHash('sha256'), file: found.open(entry) };
    },
    content(bytes: Buffer) {
      if (current?.entry.type !== 'file') return;
      current.hash.update(bytes);
      current.file?.write(bytes);
    },
    end() {
      if (!current) return;
      const { entry, hash, file } = current;
      sorter.add(entry.type === 'file' ? { ...entry, sha256: hash.digest('hex') } : entry);
      file?.end();
      current = undefined;
    },
    count: () => count,
    heldBytes: () => sorter.heldBytes() + found.heldBytes(),

    /** Writes all entries, with the totals of their directories. */
    async write(writer: IndexWriter, check: (heldBytes: number) => void) {
      const totals = createTotalsCollector();
      const biggest = createBiggest<Entry>(biggestFiles, ({ sizeBytes }) => sizeBytes);
      let entries = 0;
      for (const entry of sorter.sorted()) {
        totals.add(entry);
        if (entry.type === 'file') biggest.add(entry);
        entries++;
        check(sorter.heldBytes() + totals.heldBytes());
      }
      const implied = totals.implied();
      function* all(): Generator<Entry> {
        for (const [first] of mergeSorted([sorter.sorted(), implied], compareEntries)) {
          if (first) yield totals.withTotals(first.value);
        }
      }
      const frames = await writer.frames(all());
      return { frames, entries: entries + implied.length, biggest: biggest.list() };
    },
    packages: found.finish,
  };
}

interface OpenEntry {
  readonly entry: Entry;
  readonly hash: ReturnType<typeof createHash>;
  readonly file: ReturnType<PackageCollector['open']>;
}

const types: Readonly<Record<string, EntryType>> = {
  '0': 'file',
  '7': 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'character',
  '4': 'block',
  '5': 'directory',
  '6': 'fifo',
};

const whiteoutPrefix = '.wh.';
const opaqueName = '.wh..wh..opq';

/** Returns the entry of a header; undefined for one that is no file: labels of volumes and the like. Throws `LimitExceeded`. */
function toEntry(header: TarHeader, offset: number, limits: Limits): Entry | undefined {
  const path = cleanPath(header.path);
  const isHardLink = header.type === '1';
  const link = isHardLink ? cleanPath(header.link) : header.link;
  requirePath(header.path, limits);
  requirePath(header.link, limits);
  const key = keyOf(path);
  const type = header.type === '0' && header.path.endsWith('/') ? 'directory' : types[header.type];
  if (type === undefined) return undefined;
  const isFile = type === 'file';
  const entry: Entry = {
    ...impliedDirectory(key),
    type,
    mode: header.mode & 0o7777,
    uid: header.uid,
    gid: header.gid,
    user: header.user,
    group: header.group,
    sizeBytes: isFile ? header.sizeBytes : 0,
    mtime: header.mtime,
    link: type === 'symlink' || isHardLink ? link : '',
    offset: isFile ? offset : 0,
    isImplied: false,
  };
  if (!key.name.startsWith(whiteoutPrefix)) return entry;
  const plain = { ...entry, sizeBytes: 0, link: '', offset: 0 };
  if (key.name === opaqueName) return { ...plain, type: 'opaque' };
  // Other names of this form are notes of AUFS: they delete nothing.
  if (key.name.startsWith(`${whiteoutPrefix}${whiteoutPrefix}`)) return undefined;
  return { ...plain, type: 'whiteout', name: key.name.slice(whiteoutPrefix.length) };
}

/** Returns the path below the root that unpacking would give it: `..` does not leave the root. */
function cleanPath(path: string): string {
  return posix.normalize(`/${path}`).replace(/^\/+|\/+$/g, '');
}

function requirePath(path: string, { pathBytes }: Limits): void {
  const length = Buffer.byteLength(path);
  if (length > pathBytes) {
    throw new LimitExceeded('path', `a path of the layer has ${length} bytes: at most ${pathBytes} are allowed`);
  }
}
