import { randomBytes } from 'node:crypto';
import { type FileHandle, link, mkdir, open, opendir, readdir, rename, rm, rmdir, stat, unlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { OwnerTags } from '../../owner-tag.ts';
import { StorageError } from '../driver.ts';
import { hasCode, unlinkIfThere } from './durable.ts';

/**
 * The files of in-progress uploads. Each upload has a folder with its name and one file:
 *
 *   closed                     no process has it open for writing
 *   <owner tag>.<random>       only the process with the tag has it open for writing
 *   shared.<random>            a process copies it; its last writer may have it open
 *
 * A process that opens an upload renames the file to its own name. If the file was not closed, its last writer may be a
 * process that is only paused: then the new owner works on a copy, because a write through the old descriptor must never
 * reach a file that becomes a blob. The old owner cannot close or commit: the name that it knows is gone.
 */
export interface InProgressFiles {
  /** Creates an empty file; deletes earlier files of the upload. */
  create(name: string): Promise<InProgressFile>;
  /** Takes over the file of the upload. Rejects ENOENT if there is none. */
  open(name: string, options?: TakeOverOptions): Promise<InProgressFile>;
  /** Takes over the file of the upload; creates an empty one if there is none. */
  openOrCreate(name: string, options?: TakeOverOptions): Promise<InProgressFile>;
  /** Returns the size of the file in bytes, also while a process writes it. Rejects ENOENT. */
  size(name: string): Promise<number>;
  /** Deletes the files of the upload, if there are any. */
  remove(name: string): Promise<void>;
  /** Yields the names of all uploads with the time of their last change, in no order. */
  list(): AsyncIterable<{ readonly name: string; readonly modifiedAt: Date }>;
}

export interface InProgressFile {
  readonly file: FileHandle;
  readonly path: string;
  readonly sizeBytes: number;
  /**
   * Marks the file, whose descriptor is closed, as closed. Rejects `unavailable` if another process has taken over the
   * upload.
   */
  markClosed(): Promise<void>;
  /** Deletes the folder after the file was moved or deleted. */
  removeFolder(): Promise<void>;
}

export interface TakeOverOptions {
  /** Throws if another process may have taken over the upload. */
  readonly assertHeld?: (() => void) | undefined;
  /** Receives every byte, in order, if the file is copied. */
  readonly onCopied?: ((chunk: Uint8Array) => void) | undefined;
}

export interface InProgressFilesOptions {
  readonly directory: string;
  readonly ownerTags: OwnerTags;
  /** Returns an unused path on the same file system; its file is deleted if this process crashes. */
  readonly temporaryPath: () => string;
}

const closedName = 'closed';
const copyBytes = 1024 * 1024;
/** Tries of one operation while other processes rename the file. */
const maxAttempts = 5;

/** Returns the error for an upload that another process has taken over. */
export function takenOver(what: string): StorageError {
  return new StorageError('unavailable', `${what}: another process has taken over the upload`);
}

export function createInProgressFiles({ directory, ownerTags, temporaryPath }: InProgressFilesOptions): InProgressFiles {
  const folderOf = (name: string) => join(directory, name);
  const remove = (name: string) => rm(folderOf(name), { recursive: true, force: true, maxRetries: maxAttempts });
  const ownNameIn = (folder: string) => join(folder, `${ownerTags.own}.${randomBytes(8).toString('hex')}`);

  function opened(folder: string, path: string, file: FileHandle, sizeBytes: number): InProgressFile {
    return {
      file,
      path,
      sizeBytes,
      async markClosed() {
        try {
          // Unlike a rename, this never replaces the file of a process that took the upload over and closed it.
          await link(path, join(folder, closedName));
        } catch (error) {
          await unlinkIfThere(path);
          throw hasCode(error, 'ENOENT', 'EEXIST') ? takenOver('close') : error;
        }
        await unlinkIfThere(path);
      },
      // Also deletes files that paused or crashed processes left in the folder.
      removeFolder: () => rmdir(folder).catch(() => remove(basename(folder))),
    };
  }

  /** Renames the file of the upload to a name that no other process knows. Rejects ENOENT if there is none. */
  function take(folder: string, own: string): Promise<string> {
    return withCurrentFile(folder, async (path) => {
      const name = basename(path);
      const isClosed = name === closedName || ownerTags.isLeftByCrash(name);
      // A second link is a blob, or a name that the last owner is about to delete.
      const isExclusive = isClosed && (await stat(path)).nlink === 1;
      const taken = isExclusive ? own : join(folder, `shared.${randomBytes(8).toString('hex')}`);
      await rename(path, taken);
      return taken;
    });
  }

  /** Copies the file `from` to `own`, and deletes `from`. */
  async function copy(from: string, own: string, { assertHeld, onCopied }: TakeOverOptions): Promise<void> {
    const path = temporaryPath();
    const [source, target] = [await open(from, 'r'), await open(path, 'wx')];
    try {
      const buffer = Buffer.allocUnsafeSlow(copyBytes);
      for (let at = 0; ;) {
        const { bytesRead } = await source.read(buffer, 0, copyBytes, at);
        if (bytesRead === 0) break;
        assertHeld?.();
        await target.writeFile(buffer.subarray(0, bytesRead));
        onCopied?.(buffer.subarray(0, bytesRead));
        at += bytesRead;
      }
      await rename(path, own);
      // Rejects if a third process has taken over the file.
      await unlink(from);
    } catch (error) {
      await unlinkIfThere(path);
      await unlinkIfThere(own);
      throw error;
    } finally {
      await source.close();
      await target.close();
    }
  }

  async function openOwn(folder: string, taken: string, own: string, options: TakeOverOptions): Promise<InProgressFile> {
    if (taken !== own) await copy(taken, own, options);
    const file = await open(own, 'r+');
    const { size } = await file.stat();
    return opened(folder, own, file, size);
  }

  async function createIn(folder: string): Promise<InProgressFile> {
    const own = ownNameIn(folder);
    return opened(folder, own, await open(own, 'wx+'), 0);
  }

  /** Creates the folder of the upload. False if it is there. */
  async function makeFolder(folder: string): Promise<boolean> {
    try {
      await mkdir(folder);
      return true;
    } catch (error) {
      if (!hasCode(error, 'EEXIST')) throw error;
      return false;
    }
  }

  async function create(name: string): Promise<InProgressFile> {
    const folder = folderOf(name);
    if (!(await makeFolder(folder))) {
      await remove(name);
      await mkdir(folder);
    }
    return createIn(folder);
  }

  async function takeOver(name: string, options: TakeOverOptions = {}): Promise<InProgressFile> {
    const folder = folderOf(name);
    const own = ownNameIn(folder);
    const taken = await take(folder, own);
    try {
      return await openOwn(folder, taken, own, options);
    } catch (error) {
      throw hasCode(error, 'ENOENT') ? takenOver('open') : error;
    }
  }

  return {
    create,
    open: takeOver,

    async openOrCreate(name, options) {
      // A new upload, which is the usual one, costs no failed look for its file.
      if (await makeFolder(folderOf(name))) return createIn(folderOf(name));
      try {
        return await takeOver(name, options);
      } catch (error) {
        if (!hasCode(error, 'ENOENT')) throw error;
        // A process crashed before it created the file.
        return create(name);
      }
    },

    size: (name) => withCurrentFile(folderOf(name), async (path) => (await stat(path)).size),

    remove,

    async *list() {
      for await (const { name } of await opendir(directory)) {
        const current = (await currentName(join(directory, name))) ?? '';
        const stats = await stat(join(directory, name, current)).catch(() => undefined);
        if (stats) yield { name, modifiedAt: stats.mtime };
      }
    },
  };
}

/** Runs `work` with the path of the file, again if another process renames the file. Rejects ENOENT if there is none. */
async function withCurrentFile<Result>(folder: string, work: (path: string) => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    const current = await currentName(folder);
    try {
      return await work(join(folder, current ?? closedName));
    } catch (error) {
      if (current === undefined || !hasCode(error, 'ENOENT') || attempt === maxAttempts) throw error;
    }
  }
}

/**
 * Returns the name of the file; undefined if the folder is empty or missing. There are several only after processes paused or
 * crashed during a takeover: then the largest one, because all of them begin with the same bytes.
 */
async function currentName(folder: string): Promise<string | undefined> {
  const names = await readdir(folder).catch((error: unknown): string[] => {
    if (!hasCode(error, 'ENOENT', 'ENOTDIR')) throw error;
    return [];
  });
  if (names.length < 2) return names[0];
  if (names.includes(closedName)) return closedName;
  const sizes = await Promise.all(
    names.map((name) =>
      stat(join(folder, name)).then(
        ({ size }) => size,
        () => -1,
      ),
    ),
  );
  return names[sizes.indexOf(Math.max(...sizes))];
}
