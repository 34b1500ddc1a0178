import { Readable, pipeline } from 'node:stream';
import { promisify } from 'node:util';
import { constants, createInflateRaw, zstdDecompress } from 'node:zlib';
import type { ByteRange } from '../../../storage/blobs/driver.ts';
import type { Checkpoint, LayerHead } from '../index/layer-head.ts';
import type { Section } from '../index/section.ts';
import { gunzip } from '../layers/gunzip.ts';
import { toInvalid } from '../layers/zlib-errors.ts';
import { unzstd } from '../layers/zstd.ts';
import { emptyBlocks } from './empty-blocks.ts';

/** A layer, for reading parts of its archive. */
export interface PackedArchive {
  readonly head: Pick<LayerHead, 'compression' | 'unpackedBytes'>;
  /** In the order of the archive; empty: it can only be read from its start. */
  readonly checkpoints: readonly Checkpoint[];
  /** Size of the blob. */
  readonly sizeBytes: number;
  /** Yields bytes of the blob; a chunk may use the memory of the former one. */
  readBlob(range: ByteRange): AsyncIterable<Uint8Array>;
  /** Returns a section of the index. */
  readSection(section: Section): Promise<Buffer>;
  /** Called with the size of each unpacked piece. */
  readonly onUnpacked?: (bytes: number) => void;
}

/** A part of the archive is too far from the next checkpoint before it. */
export class TooFarInside extends Error {
  override readonly name = 'TooFarInside';
}

/** Bytes that are unpacked at most to reach the beginning of a part. */
const maxSkippedBytes = 1024 ** 3;

const beginning: Checkpoint = { kind: 'start', out: 0, in: 0, bits: 0, window: undefined };
const decompress = promisify(zstdDecompress);

/** Yields `length` bytes of the archive from `offset` on. Throws `TooFarInside`, `InvalidLayer`. */
export async function* readArchive(archive: PackedArchive, offset: number, length: number): AsyncGenerator<Buffer> {
  if (length === 0) return;
  const { head, sizeBytes } = archive;
  if (head.compression === 'none') {
    yield* copies(archive.readBlob({ first: offset, last: offset + length - 1 }));
    return;
  }
  const checkpoints = archive.checkpoints.length > 0 ? archive.checkpoints : [beginning];
  const end = offset + length;
  for (let number = lastBefore(checkpoints, offset), position = offset; position < end; number++) {
    const from = checkpoints[number] ?? beginning;
    const next = checkpoints[number + 1];
    const segmentEnd = Math.min(end, next?.out ?? Infinity);
    if (position - from.out > maxSkippedBytes)
      throw new TooFarInside('the file is too far inside of a layer without checkpoints');
    yield* partOf(unpackSegment(archive, from, next ?? { in: sizeBytes, bits: 0 }), position - from.out, segmentEnd - position);
    position = segmentEnd;
  }
}

/** Returns the number of the last checkpoint at or before the offset. */
function lastBefore(checkpoints: readonly Checkpoint[], offset: number): number {
  let low = 0;
  let high = checkpoints.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((checkpoints[middle]?.out ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Yields `length` bytes after the first `skipped`. Throws if there are fewer. */
async function* partOf(chunks: AsyncIterable<Buffer>, skipped: number, length: number): AsyncGenerator<Buffer> {
  let position = 0;
  for await (const chunk of chunks) {
    const part = chunk.subarray(Math.max(0, skipped - position), Math.max(0, skipped + length - position));
    position += chunk.length;
    if (part.length > 0) yield part;
    if (position >= skipped + length) return;
  }
  throw new Error(`the layer ends ${skipped + length - position} bytes before its index says`);
}

/** Unpacks from a checkpoint to the next one, perhaps some bytes more. */
async function* unpackSegment(
  archive: PackedArchive,
  from: Checkpoint,
  to: Pick<Checkpoint, 'in' | 'bits'>,
): AsyncGenerator<Buffer> {
  // A byte with a checkpoint inside belongs to both segments.
  const last = Math.min(archive.sizeBytes - 1, to.in - (to.bits > 0 ? 0 : 1));
  const packed = archive.readBlob({ first: from.in, last });
  const unpacked =
    archive.head.compression === 'zstd'
      ? unzstd(copies(packed))
      : from.kind === 'start'
        ? gunzip(copies(packed), true)
        : inflateFrom(archive, from, packed);
  for await (const chunk of unpacked) {
    archive.onUnpacked?.(chunk.length);
    yield chunk;
  }
}

/** Inflates from inside a gzip member. */
async function* inflateFrom(
  archive: PackedArchive,
  { bits, window }: Checkpoint,
  packed: AsyncIterable<Uint8Array>,
): AsyncGenerator<Buffer> {
  const dictionary = window && (await decompress(await archive.readSection(window)));
  const inflater = createInflateRaw({ finishFlush: constants.Z_SYNC_FLUSH, ...(dictionary ? { dictionary } : {}) });
  // The error of either stream ends the loop below.
  pipeline(Readable.from(aligned(packed, bits), { objectMode: false }), inflater, () => undefined);
  try {
    yield* inflater as AsyncIterable<Buffer>;
  } catch (error) {
    throw toInvalid(error, 'gzip');
  } finally {
    inflater.destroy();
  }
}

/** Yields the data from bit `bits` of its first byte on, behind empty blocks that fill the bits in front of it. */
async function* aligned(chunks: AsyncIterable<Uint8Array>, bits: number): AsyncGenerator<Buffer> {
  let blocks = emptyBlocks(bits);
  for await (const chunk of copies(chunks)) {
    if (blocks.length > 0) {
      chunk[0] = ((chunk[0] ?? 0) & (0xff << bits)) | (blocks.at(-1) ?? 0);
      yield blocks.subarray(0, -1);
      blocks = Buffer.alloc(0);
    }
    yield chunk;
  }
}

/** A decompressor reads on while the store fills its buffer again: it gets copies. */
async function* copies(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) yield Buffer.from(chunk);
}
