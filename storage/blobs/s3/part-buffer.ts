/** Gathers chunks by copying them: what is held is what was asked for, however small the chunks are. */
export interface PartBuffer {
  readonly length: number;
  add(chunk: Uint8Array): void;
  /** Everything gathered, and begins anew. The memory is the caller's. */
  take(): Uint8Array;
  /** What was taken and is needed no more: its memory serves again. */
  giveBack(taken: Uint8Array): void;
}

const smallestBytes = 64 * 1024;

export function createPartBuffer(): PartBuffer {
  const nothing: Buffer = Buffer.alloc(0);
  let memory = nothing;
  let spare = nothing;
  let length = 0;

  function makeRoom(wanted: number): void {
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
      makeRoom(length + chunk.length);
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
