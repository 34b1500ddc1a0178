import { type FileHandle, stat, unlink } from 'node:fs/promises';
import { type Appender, type ObjectKey, StorageError } from '../driver.ts';
import type { DurableTree } from './durable.ts';
import { writeFully } from './durable.ts';
import { toStorageError, translating } from './errors.ts';

/** Chunks come from sockets in pieces of 64 KiB; they are written this many bytes at a time. */
const batchBytes = 1024 * 1024;

export interface AppenderOptions {
  readonly file: FileHandle;
  readonly path: string;
  /** Bytes that the file holds. */
  readonly sizeBytes: number;
  readonly tree: DurableTree;
  readonly pathOf: (key: ObjectKey) => string;
}

/** Appends to an open file. Takes the file over: it is closed by `close`, `commit` and `abort`. */
export function createAppender({ file, path, sizeBytes, tree, pathOf }: AppenderOptions): Appender {
  let kept = sizeBytes;
  let ended = false;

  async function write(buffers: readonly Uint8Array[], length: number): Promise<void> {
    try {
      await writeFully(file, buffers, kept);
      kept += length;
    } catch (error) {
      // Part of the batch may lie in the file: what is kept ends where the last whole batch did.
      await file.truncate(kept).catch(() => undefined);
      throw toStorageError(error, 'append');
    }
  }

  async function release(): Promise<boolean> {
    if (ended) return false;
    ended = true;
    await file.close();
    return true;
  }

  return {
    get sizeBytes() {
      return kept;
    },

    // To read a file again costs little, and says more.
    knownDigest: undefined,

    async append(source) {
      const before = kept;
      const batches = createBatches(write);
      try {
        for await (const chunk of source) await batches.add(chunk);
      } finally {
        await batches.flush();
      }
      return kept - before;
    },

    truncate: (size) =>
      translating('truncate', async () => {
        await file.truncate(size);
        kept = size;
      }),

    async *readBack() {
      const buffer = Buffer.allocUnsafeSlow(batchBytes);
      for (let at = 0; at < kept;) {
        const length = Math.min(buffer.length, kept - at);
        const { bytesRead } = await translating('read back', () => file.read(buffer, 0, length, at));
        if (bytesRead === 0) throw new StorageError('unavailable', `read back: only ${at} of ${kept} bytes are there`);
        at += bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
    },

    async close() {
      await release();
    },

    commit: (to) =>
      translating('commit', async () => {
        const target = pathOf(to);
        if (await exists(target)) {
          // Whoever made it may not have come to its last fsync yet.
          await tree.makeDurable(target);
          await unlinkIfThere(path);
        } else {
          await file.datasync();
          await tree.rename(path, target);
        }
        // Only now: until here a failed commit can be tried again.
        await release();
      }),

    abort: () =>
      translating('abort', async () => {
        if (await release()) await unlinkIfThere(path);
      }),
  };
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    (stats) => stats.isFile(),
    () => false,
  );
}

async function unlinkIfThere(path: string): Promise<void> {
  await unlink(path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  });
}

/** Gathers chunks; writes one batch while the next one gathers, so that at most two are in memory. */
function createBatches(write: (buffers: readonly Uint8Array[], length: number) => Promise<void>) {
  let gathered: Uint8Array[] = [];
  let gatheredBytes = 0;
  let writing: Promise<void> = Promise.resolve();

  async function handOver(): Promise<void> {
    await writing;
    writing = write(gathered, gatheredBytes);
    writing.catch(() => undefined);
    gathered = [];
    gatheredBytes = 0;
  }

  return {
    async add(chunk: Uint8Array): Promise<void> {
      gathered.push(chunk);
      gatheredBytes += chunk.length;
      if (gatheredBytes >= batchBytes) await handOver();
    },
    async flush(): Promise<void> {
      if (gatheredBytes > 0) await handOver();
      await writing;
    },
  };
}
