import { type FileHandle, copyFile, open, rename } from 'node:fs/promises';
import { type Appender, type ObjectKey, StorageError } from '../driver.ts';
import { type DurableTree, hasCode, unlinkIfThere, writeFully } from './durable.ts';
import { toStorageError, translating } from './errors.ts';
import { type InProgressFile, takenOver } from './in-progress.ts';

/** Bytes of one write. Sockets deliver chunks of at most 64 KiB. */
const batchBytes = 1024 * 1024;

export interface AppenderOptions {
  readonly upload: InProgressFile;
  readonly tree: DurableTree;
  readonly pathOf: (key: ObjectKey) => string;
  /** Returns an unused path on the same file system. */
  readonly temporaryPath: () => string;
  /** Throws if another process may have taken over the upload. */
  readonly assertHeld?: (() => void) | undefined;
}

/** Creates an appender that writes to an open file. `close`, `commit` and `abort` close the file. */
export function createAppender(options: AppenderOptions): Appender {
  const { upload, tree, pathOf, temporaryPath, assertHeld = () => undefined } = options;
  const { path } = upload;
  let { file, sizeBytes } = upload;
  /** True if the file may also have the name of an object: its bytes must not change any more. */
  let isPublished = false;
  /**
   * True if that name may not be durable. Publishing the same inode again is a no-op in rename(2), so the folder's fsync would
   * have nothing to write: a retry publishes a copy.
   */
  let mayLackDurableName = false;
  let ended = false;

  async function replaceFile(next: FileHandle): Promise<void> {
    const previous = file;
    file = next;
    isPublished = mayLackDurableName = false;
    await previous.close();
  }

  /** Copies the published file: later writes do not change the object. */
  async function copyPublished(): Promise<void> {
    const copy = temporaryPath();
    try {
      await copyFile(path, copy);
      await rename(copy, path);
    } catch (error) {
      await unlinkIfThere(copy);
      throw error;
    }
    await replaceFile(await open(path, 'r+'));
  }

  /** Drops all bytes and continues with an empty file. */
  async function startAnew(): Promise<void> {
    sizeBytes = 0;
    await unlinkIfThere(path);
    await replaceFile(await open(path, 'w+'));
  }

  /**
   * Syncs the file, or drops its bytes. After a failed fsync Linux marks the pages clean; a second fsync would succeed although
   * the data is lost.
   */
  async function sync(): Promise<void> {
    try {
      await file.datasync();
    } catch (error) {
      await startAnew().catch(() => undefined);
      throw error;
    }
  }

  async function publish(to: ObjectKey): Promise<void> {
    assertHeld();
    if (mayLackDurableName) await copyPublished();
    await sync();
    isPublished = mayLackDurableName = true;
    assertHeld();
    await tree.linkOver(path, temporaryPath(), pathOf(to)).catch((error: unknown) => {
      // The new owner has renamed our file.
      throw hasCode(error, 'ENOENT') ? takenOver('publish') : error;
    });
    mayLackDurableName = false;
  }

  async function write(buffers: readonly Uint8Array[], length: number): Promise<void> {
    assertHeld();
    try {
      if (isPublished) await copyPublished();
      await writeFully(file, buffers, sizeBytes);
      sizeBytes += length;
    } catch (error) {
      // The file may have a part of the batch: only whole batches count.
      await file.truncate(sizeBytes).catch(() => undefined);
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
      return sizeBytes;
    },

    // Not kept: callers hash the file again with `readBack`.
    knownDigest: undefined,

    async append(source) {
      const before = sizeBytes;
      const batches = createBatches(write);
      try {
        for await (const chunk of source) await batches.add(chunk);
      } finally {
        await batches.flush();
      }
      return sizeBytes - before;
    },

    truncate: (size) =>
      translating('truncate', async () => {
        assertHeld();
        if (isPublished) await copyPublished();
        await file.truncate(size);
        sizeBytes = size;
      }),

    async *readBack() {
      const buffer = Buffer.allocUnsafeSlow(batchBytes);
      for (let at = 0; at < sizeBytes;) {
        const length = Math.min(buffer.length, sizeBytes - at);
        const { bytesRead } = await translating('read back', () => file.read(buffer, 0, length, at));
        if (bytesRead === 0) throw new StorageError('unavailable', `read back: only ${at} of ${sizeBytes} bytes are there`);
        at += bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
    },

    close: () =>
      translating('close', async () => {
        if (await release()) await upload.markClosed();
      }),

    publish: (to) => translating('publish', () => publish(to)),

    commit: (to) =>
      translating('commit', async () => {
        if (ended) return;
        await publish(to);
        await unlinkIfThere(path);
        // Only now: until here the caller can retry a failed commit, after checking `sizeBytes`.
        await release();
        await upload.removeFolder();
      }),

    abort: () =>
      translating('abort', async () => {
        if (!(await release())) return;
        await unlinkIfThere(path);
        await upload.removeFolder();
      }),
  };
}

/**
 * Collects chunks and writes them in batches: one batch is written while the next one fills, so that at most two are in
 * memory.
 */
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
