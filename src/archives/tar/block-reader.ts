/** Reads a stream in pieces of chosen lengths. */
export interface BlockReader {
  /** Resolves to the next `length` bytes, or to fewer at the end of the stream. */
  take(length: number): Promise<Buffer>;
  /** Yields the next `length` bytes as they come, or fewer at the end of the stream. */
  pass(length: number): AsyncGenerator<Buffer>;
  /** Reads the rest of the stream and drops it. */
  drain(): Promise<void>;
  /** Ends the stream. Idempotent. */
  close(): Promise<void>;
}

export function createBlockReader(source: AsyncIterable<Uint8Array>): BlockReader {
  const chunks = source[Symbol.asyncIterator]();
  let rest: Buffer = Buffer.alloc(0);

  /** False at the end of the stream. */
  async function refill(): Promise<boolean> {
    while (rest.length === 0) {
      const next = await chunks.next();
      if (next.done === true) return false;
      rest = Buffer.from(next.value.buffer, next.value.byteOffset, next.value.byteLength);
    }
    return true;
  }

  async function* pass(length: number): AsyncGenerator<Buffer> {
    for (let left = length; left > 0 && (await refill());) {
      const piece = rest.subarray(0, left);
      rest = rest.subarray(piece.length);
      left -= piece.length;
      yield piece;
    }
  }

  return {
    pass,
    async take(length) {
      const pieces: Buffer[] = [];
      for await (const piece of pass(length)) pieces.push(piece);
      return pieces.length === 1 && pieces[0] ? pieces[0] : Buffer.concat(pieces);
    },
    async drain() {
      while (await refill()) rest = Buffer.alloc(0);
    },
    async close() {
      await chunks.return?.();
    },
  };
}
