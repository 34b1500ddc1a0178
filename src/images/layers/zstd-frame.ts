import type { ByteSource } from './byte-source.ts';

/** RFC 8878, 3.1.1: the first four bytes of a frame. */
const frameMagic = 0xfd2fb528;

/** Returns true for the first four bytes of a frame with data. */
export function isDataFrame(beginning: Buffer): boolean {
  return beginning.length >= 4 && beginning.readUInt32LE() === frameMagic;
}

/** Returns true for the first four bytes of a skippable frame (RFC 8878, 3.1.2), which pzstd writes first. */
export function isSkippableFrame(beginning: Buffer): boolean {
  return beginning.length >= 4 && beginning.readUInt32LE() >>> 4 === 0x184d2a5;
}

/** Yields the bytes of one frame (RFC 8878, 3.1.1) and takes nothing that comes after it. */
export async function* frameBytes(beginning: Buffer, source: ByteSource): AsyncGenerator<Buffer> {
  const descriptor = await source.take(1);
  const flags = descriptor[0] ?? 0;
  yield Buffer.concat([beginning, descriptor, await source.take(headerBytes(flags))]);
  for (let isLast = false; !isLast;) {
    const header = await source.take(3);
    yield header;
    const value = header.readUIntLE(0, 3);
    isLast = (value & 1) !== 0;
    // A run-length block (type 1) is one byte, whatever its size.
    yield* source.pieces(((value >> 1) & 3) === 1 ? 1 : value >> 3);
  }
  const hasChecksum = (flags & 4) !== 0;
  if (hasChecksum) yield await source.take(4);
}

/** Returns the size of the rest of a frame header, after its descriptor. */
function headerBytes(flags: number): number {
  const isSingleSegment = (flags & 0x20) !== 0;
  const dictionary = [0, 1, 2, 4][flags & 3] ?? 0;
  const contentSize = [isSingleSegment ? 1 : 0, 2, 4, 8][flags >> 6] ?? 0;
  return (isSingleSegment ? 0 : 1) + dictionary + contentSize;
}
