import { Readable, pipeline } from 'node:stream';
import { constants, createZstdDecompress } from 'node:zlib';
import { type ByteSource, createByteSource } from './byte-source.ts';
import { InvalidLayer, LimitExceeded } from './limits.ts';
import { toInvalid } from './zlib-errors.ts';
import { frameBytes, isDataFrame, isSkippableFrame } from './zstd-frame.ts';

/** Frames of any size: small blobs may have many. */
const freeFrames = 1000;
/**
 * Bytes for each further frame, on average. Each frame costs a decompressor, and an empty one has 8 bytes. With a frame for each
 * file (zstd:chunked), those of the smallest files have more than 64.
 */
const frameBytesOnAverage = 64;

export interface UnzstdOptions {
  /** Called at the beginning of each frame, where unpacking can begin again later. */
  readonly onFrame?: (place: { readonly in: number; readonly out: number }) => void;
  /** Log2 of the largest window. Default: 26 (64 MiB); `zstd -19` uses 8 MiB. */
  readonly maxWindowLog?: number;
}

/**
 * Unpacks zstd data. Finds the frames itself (RFC 8878), also skippable ones: Node's decompressor stops after the first one.
 * Throws `InvalidLayer`, and `LimitExceeded` for a larger window or too many frames for the size of the data.
 */
export async function* unzstd(
  blob: AsyncIterable<Uint8Array>,
  { onFrame, maxWindowLog = 26 }: UnzstdOptions = {},
): AsyncGenerator<Buffer> {
  const source = createByteSource(blob);
  let out = 0;
  for (let frames = 1; !(await source.isAtEnd()); frames++) {
    const start = source.position();
    if (frames > freeFrames + start / frameBytesOnAverage) throw tooManyFrames();
    const beginning = await source.take(4);
    if (isSkippableFrame(beginning)) {
      await skip(source, (await source.take(4)).readUInt32LE());
      continue;
    }
    if (!isDataFrame(beginning)) throw new InvalidLayer(`no zstd frame begins at ${start} of the blob`);
    onFrame?.({ in: start, out });
    for await (const unpacked of unpackFrame(frameBytes(beginning, source), maxWindowLog)) {
      out += unpacked.length;
      yield unpacked;
    }
  }
}

async function skip(source: ByteSource, length: number): Promise<void> {
  const pieces = source.pieces(length);
  while (!(await pieces.next()).done);
}

async function* unpackFrame(bytes: AsyncIterable<Buffer>, maxWindowLog: number): AsyncGenerator<Buffer> {
  const decompressor = createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: maxWindowLog } });
  // The error of either stream ends the loop below.
  pipeline(Readable.from(bytes, { objectMode: false }), decompressor, () => undefined);
  try {
    yield* decompressor as AsyncIterable<Buffer>;
  } catch (error) {
    throw isWindowTooLarge(error) ? windowTooLarge(maxWindowLog) : toInvalid(error, 'zstd');
  } finally {
    decompressor.destroy();
  }
}

function isWindowTooLarge(error: unknown): boolean {
  return ((error as Partial<NodeJS.ErrnoException>).code ?? '').endsWith('windowTooLarge');
}

function tooManyFrames(): LimitExceeded {
  return new LimitExceeded('ratio', `the zstd data has more than one frame for each ${frameBytesOnAverage} bytes`);
}

function windowTooLarge(maxWindowLog: number): LimitExceeded {
  return new LimitExceeded('memory', `unpacking the zstd data needs more than ${2 ** (maxWindowLog - 20)} MiB of memory`);
}
