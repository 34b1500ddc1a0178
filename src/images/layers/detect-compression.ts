import type { Compression } from '../index/layer-head.ts';
import { isDataFrame, isSkippableFrame } from './zstd-frame.ts';

/** Finds out the compression from the first four bytes; `chunks` begins with them. */
export async function detectCompression(
  blob: AsyncIterable<Uint8Array>,
): Promise<{ readonly compression: Compression; readonly chunks: AsyncGenerator<Buffer> }> {
  const iterator = blob[Symbol.asyncIterator]();
  let beginning = Buffer.alloc(0);
  while (beginning.length < 4) {
    const next = await iterator.next();
    if (next.done === true) break;
    beginning = Buffer.concat([beginning, next.value]);
  }
  async function* chunks(): AsyncGenerator<Buffer> {
    yield beginning;
    for (;;) {
      const next = await iterator.next();
      if (next.done === true) return;
      yield Buffer.from(next.value.buffer, next.value.byteOffset, next.value.length);
    }
  }
  return { compression: compressionOf(beginning), chunks: chunks() };
}

function compressionOf(beginning: Buffer): Compression {
  if (beginning[0] === 0x1f && beginning[1] === 0x8b) return 'gzip';
  return isDataFrame(beginning) || isSkippableFrame(beginning) ? 'zstd' : 'none';
}
