/** Collects chunks by copying them: small chunks keep no larger buffers in memory. */
export interface PartBuffer {
  readonly length: number;
  add(chunk: Uint8Array): void;
  /** Returns the collected bytes and empties the buffer. The caller owns the memory. */
  take(): Uint8Array;
  /** Returns the memory of `take` after use: the buffer uses it again. */
  giveBack(taken: Uint8Array): void;
}

const smallestBytes = 64 * 1024;

export function createPartBuffer(): PartBuffer {
  const nothing: Buffer = Buffer.alloc(0);
  let memory = nothing;
  let spare = nothing;
  let length = 0;

  function reserve(wanted: number): void {
    if (wanted <= memory.length) return;
    if (length === 0 && wanted <= spare.length) {
      [memory, spare] = [spare, nothing];
      return;
    }
    const larger = Buffer.allocUnsafeSlow(Math.max(smallestBytes, wanted, Math.ceil(memory.length * 1.5)));
    memory.copy(larger, 0, 0, length);
    memory = larger;
  }

  return {
    get length() {
      return length;
    },
    add(chunk) {
      reserve(length + chunk.length);
      memory.set(chunk, length);
      length += chunk.length;
    },
    take() {
      const gathered = memory.subarray(0, length);
      memory = nothing;
      length = 0;
      return gathered;
    },
    giveBack({ buffer, byteOffset }) {
      spare = Buffer.from(buffer, byteOffset);
    },
  };
}
