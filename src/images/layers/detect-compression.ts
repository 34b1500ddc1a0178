import type { Compression } from '../index/layer-head.ts';

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
  const start = beginning.toString('hex', 0, 4);
  const compression = start.startsWith('1f8b') ? 'gzip' : /^(?:28b52ffd|5.2a4d18)$/.test(start) ? 'zstd' : 'none';
  return { compression, chunks: chunks() };
}
