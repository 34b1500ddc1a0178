import { isDataFrame, isSkippableFrame } from '../../images/layers/zstd-frame.ts';

/** What the first bytes of a stream show. */
export type Format = 'json' | 'tar' | 'gzip' | 'zstd' | 'other';

/** Number of bytes that decide. */
export const sniffBytes = 512;

/** Returns the format of a stream that begins with `start`: its first 512 bytes, or all if it has fewer. */
export function formatOf(start: Buffer): Format {
  if (start[0] === 0x1f && start[1] === 0x8b) return 'gzip';
  if (isDataFrame(start) || isSkippableFrame(start)) return 'zstd';
  if (start.length === sniffBytes && isTarBlock(start)) return 'tar';
  return /^[ \t\r\n]*[{[]/.test(start.toString('latin1')) ? 'json' : 'other';
}

/** True for the header of an entry, and for the block of zeros with which an empty archive begins. */
function isTarBlock(block: Buffer): boolean {
  let sum = 8 * 0x20;
  for (const [at, byte] of block.entries()) if (at < 148 || at >= 156) sum += byte;
  if (sum === 8 * 0x20) return block.every((byte) => byte === 0);
  return parseInt(block.toString('latin1', 148, 156).replace(/\0.*/s, '').trim(), 8) === sum;
}

/** Takes the first bytes of a stream, and returns them with the whole stream. */
export async function peek(source: AsyncIterable<Uint8Array>): Promise<{ start: Buffer; whole: AsyncIterable<Buffer> }> {
  const iterator = source[Symbol.asyncIterator]();
  let start: Buffer = Buffer.alloc(0);
  while (start.length < sniffBytes) {
    const next = await iterator.next();
    if (next.done === true) break;
    start = Buffer.concat([start, next.value]);
  }
  async function* whole(): AsyncGenerator<Buffer> {
    try {
      if (start.length > 0) yield start;
      for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield asBuffer(next.value);
    } finally {
      await iterator.return?.();
    }
  }
  return { start: start.subarray(0, sniffBytes), whole: whole() };
}

function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
