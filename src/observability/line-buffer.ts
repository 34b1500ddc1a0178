/** Gathers lines, so that many are written with one system call. */
export interface LineBuffer {
  /** Adds a line, with its line break. */
  add(line: string): void;
  /** Passes the gathered lines on. */
  flush(): void;
}

export interface LineBufferOptions {
  /** Most bytes that are passed on together; a longer line is passed on alone. */
  readonly maxBytes: number;
  /** Lines are passed on after this time at the latest. */
  readonly maxWaitMilliseconds: number;
}

/** A UTF-16 code unit has at most three bytes in UTF-8. */
const bytesPerUnit = 3;

/** Creates a buffer that passes gathered lines to `write` when it is full or `maxWaitMilliseconds` after the first one. */
export function createLineBuffer(
  write: (lines: Buffer) => void,
  { maxBytes, maxWaitMilliseconds }: LineBufferOptions,
): LineBuffer {
  const buffer = Buffer.allocUnsafeSlow(maxBytes);
  let length = 0;
  let timer: NodeJS.Timeout | undefined;

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    if (length === 0) return;
    const lines = Buffer.from(buffer.subarray(0, length));
    length = 0;
    write(lines);
  }

  return {
    add(line) {
      const most = line.length * bytesPerUnit;
      if (most > maxBytes - length) flush();
      if (most > maxBytes) {
        write(Buffer.from(line));
        return;
      }
      length += buffer.write(line, length);
      timer ??= setTimeout(flush, maxWaitMilliseconds).unref();
    },
    flush,
  };
}
