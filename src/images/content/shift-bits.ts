/**
 * Yields a bit stream that begins at bit `bits` of the first byte (0 is the lowest), as bytes that begin at a whole one: Node's
 * zlib cannot begin inside a byte. Yields at most `length` bytes; the last bits of the stream are filled up with zeros.
 */
export async function* shiftBits(chunks: AsyncIterable<Uint8Array>, bits: number, length = Infinity): AsyncGenerator<Buffer> {
  let left = length;
  let previous: number | undefined;
  for await (const chunk of chunks) {
    if (left <= 0) return;
    const shifted = bits === 0 ? Buffer.from(chunk) : shift(previous, chunk, bits);
    previous = chunk.at(-1) ?? previous;
    const part = shifted.subarray(0, left);
    left -= part.length;
    if (part.length > 0) yield part;
  }
  if (bits > 0 && previous !== undefined && left > 0) yield Buffer.of(previous >> bits);
}

/** Combines each byte with the one before it. */
function shift(previous: number | undefined, chunk: Uint8Array, bits: number): Buffer {
  const skipped = previous === undefined ? 1 : 0;
  const shifted = Buffer.alloc(Math.max(0, chunk.length - skipped));
  let low = previous ?? chunk[0] ?? 0;
  for (let index = 0; index < shifted.length; index++) {
    const high = chunk[index + skipped] ?? 0;
    shifted[index] = (low >> bits) | (high << (8 - bits));
    low = high;
  }
  return shifted;
}
