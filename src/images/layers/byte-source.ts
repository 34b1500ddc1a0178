import { InvalidLayer } from './limits.ts';

/** Reads a stream by numbers of bytes. */
export interface ByteSource {
  /** Offset of the next byte. */
  position(): number;
  /** True if no byte is left. */
  isAtEnd(): Promise<boolean>;
  /** Returns the next `length` bytes. Throws `InvalidLayer` if the stream ends before. */
  take(length: number): Promise<Buffer>;
  /** Yields the next `length` bytes in pieces. Throws `InvalidLayer` if the stream ends before. */
  pieces(length: number): AsyncGenerator<Buffer>;
}

export function createByteSource(chunks: AsyncIterable<Uint8Array>): ByteSource {
  const iterator = chunks[Symbol.asyncIterator]();
  let current: Buffer = Buffer.alloc(0);
  let position = 0;

  async function isAtEnd(): Promise<boolean> {
    while (current.length === 0) {
      const next = await iterator.next();
      if (next.done === true) return true;
      current = Buffer.from(next.value.buffer, next.value.byteOffset, next.value.length);
    }
    return false;
  }

  async function* pieces(length: number): AsyncGenerator<Buffer> {
    for (let left = length; left > 0;) {
      if (await isAtEnd()) throw new InvalidLayer(`the compressed data is cut off after ${position} bytes`);
      const piece = current.subarray(0, left);
      current = current.subarray(piece.length);
      position += piece.length;
      left -= piece.length;
      yield piece;
    }
  }

  return {
    position: () => position,
    isAtEnd,
    async take(length) {
      const parts: Buffer[] = [];
      for await (const piece of pieces(length)) parts.push(Buffer.from(piece));
      return Buffer.concat(parts);
    },
    pieces,
  };
}
