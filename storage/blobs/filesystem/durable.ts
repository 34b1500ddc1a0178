import { type FileHandle, link, mkdir, open, readdir, rename, rmdir, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/**
 * Changes a folder tree durably: resolved changes survive power loss. A name is durable after an fsync of its folder, if the
 * name of that folder is durable.
 */
export interface DurableTree {
  /** Renames the synced file `from` to `to`; replaces a file there. */
  rename(from: string, to: string): Promise<void>;
  /** Renames the synced file `from` to `to`. Rejects EEXIST if there is a file. */
  renameIfAbsent(from: string, to: string): Promise<void>;
  /** Gives the file `from` the name `to`, replacing what is there. Not durable. */
  renameUnsynced(from: string, to: string): Promise<void>;
  /**
   * Gives the synced file `from` the second name `to`; replaces a file there. `spare` is an unused path on the same file
   * system, unused again once resolved: a file is replaced through it.
   */
  linkOver(from: string, spare: string, to: string): Promise<void>;
  /** Makes the name `path` durable, which another process may have just created. */
  makeDurable(path: string): Promise<void>;
  /** Renames the file `from` to `to`; replaces a file there. Deletes the folder of `from` if it is empty then. */
  move(from: string, to: string): Promise<void>;
  /** The same, not durable: after a power loss the file may have its old name. */
  moveAside(from: string, to: string): Promise<void>;
  /** Deletes the file `path`, and its folder if that is empty then. Not durable. Rejects ENOENT. */
  remove(path: string): Promise<void>;
  /** Takes the folder away, and those below it, as far as they are empty. Not durable. A missing folder is a success. */
  removeEmpty(path: string): Promise<void>;
}

/** Tries to create a folder and use it, if another process deletes the empty folder in between. */
const maxAttempts = 5;
/** The same for files that are set aside: a purge of many blobs deletes the empty folder again and again. */
const maxAsideAttempts = 100;

/** Creates the operations for the tree below `root`, which exists. */
export function createDurableTree(root: string): DurableTree {
  /**
   * Folders that this process has made durable: usually a change costs one fsync instead of one for each level. Folders of
   * objects are not among them: `remove` deletes them when they are empty, also in other processes.
   */
  const durable = new Set<string>();

  async function makeFolder(path: string): Promise<void> {
    if (path === root || durable.has(path)) return;
    const parent = dirname(path);
    await makeFolder(parent);
    if (parent !== root) remember(parent);
    await mkdir(path).catch(unless('EEXIST'));
    await syncFolder(parent);
  }

  function remember(path: string): void {
    if (durable.size >= 10_000) durable.clear();
    durable.add(path);
  }

  async function place(to: string, put: () => Promise<void>): Promise<void> {
    const folder = dirname(to);
    for (let attempt = 1; ; attempt++) {
      try {
        await makeFolder(folder);
        await put();
        break;
      } catch (error) {
        // Another operation has deleted the empty folder.
        if (!hasCode(error, 'ENOENT') || attempt === maxAttempts) throw error;
        durable.clear();
      }
    }
    // If the folder is gone, the object was deleted again.
    await syncFolder(folder).catch(unless('ENOENT'));
  }

  async function prune(folder: string): Promise<void> {
    if (folder !== root) await rmdir(folder).catch(unless('ENOTEMPTY', 'EEXIST', 'ENOENT', 'EBUSY'));
  }

  async function removeEmpty(path: string): Promise<void> {
    const entries = await readdir(path, { withFileTypes: true }).catch(unless('ENOENT', 'ENOTDIR'));
    if (!entries) return;
    for (const entry of entries) if (entry.isDirectory()) await removeEmpty(join(path, entry.name));
    await prune(path);
  }

  return {
    rename: (from, to) => place(to, () => rename(from, to)),
    async renameUnsynced(from, to) {
      for (let attempt = 1; ; attempt++) {
        try {
          await mkdir(dirname(to), { recursive: true });
          await rename(from, to);
          return;
        } catch (error) {
          // The folder was pruned meanwhile.
          if (!hasCode(error, 'ENOENT') || attempt === maxAttempts) throw error;
        }
      }
    },
    renameIfAbsent: (from, to) =>
      place(to, async () => {
        await link(from, to);
        await unlink(from);
      }),
    linkOver: (from, spare, to) =>
      place(to, async () => {
        if (await linkIfAbsent(from, to)) return;
        await linkIfAbsent(from, spare);
        try {
          await rename(spare, to);
        } finally {
          // rename(2) does nothing if both names belong to the same file.
          await unlinkIfThere(spare);
        }
      }),
    async makeDurable(path) {
      const folder = dirname(path);
      await makeFolder(folder);
      await syncFolder(folder).catch(unless('ENOENT'));
    },
    async move(from, to) {
      await place(to, () => rename(from, to));
      await prune(dirname(from));
    },
    async moveAside(from, to) {
      for (let attempt = 1; ; attempt++) {
        try {
          await rename(from, to);
          break;
        } catch (error) {
          if (!hasCode(error, 'ENOENT') || attempt === maxAsideAttempts) throw error;
          // Rejects ENOENT if it is the file that is missing, and not the folder, which another deletion may have pruned.
          await stat(from);
          await makeFolder(dirname(to));
        }
      }
      await prune(dirname(from));
    },
    async remove(path) {
      await unlink(path);
      await prune(dirname(path));
    },
    removeEmpty,
  };
}

/** True if the error of the operating system has one of these codes. */
export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return codes.includes((error as NodeJS.ErrnoException).code ?? '');
}

/** Returns a handler that ignores errors with these codes and throws others. */
export function unless(...codes: readonly string[]) {
  return (error: unknown): void => {
    if (!hasCode(error, ...codes)) throw error;
  };
}

/**
 * Creates the folder `path` and its parents, durably. One by one: Node's recursive mkdir never ends below folders that cannot
 * have subfolders, such as /proc.
 */
export async function makeFolders(path: string, mode?: number): Promise<void> {
  if (await isFolder(path)) return;
  await makeFolders(dirname(path), mode);
  try {
    await mkdir(path, mode);
  } catch (error) {
    // Another process may have created it.
    if (!hasCode(error, 'EEXIST') || !(await isFolder(path))) throw error;
  }
  await syncFolder(dirname(path));
}

/** Deletes the file; a missing file is a success. */
export async function unlinkIfThere(path: string): Promise<void> {
  await unlink(path).catch(unless('ENOENT'));
}

/** Gives the file `from` the second name `to`. False if there is a file. */
async function linkIfAbsent(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
    return false;
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false;
    throw error;
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Writes all `buffers` at `position`, with as few system calls as possible. */
export async function writeFully(file: FileHandle, buffers: readonly Uint8Array[], position: number): Promise<void> {
  let rest = [...buffers];
  let at = position;
  while (rest.length > 0) {
    const { bytesWritten } = await file.writev(rest, at);
    at += bytesWritten;
    rest = dropWritten(rest, bytesWritten);
  }
}

/** Returns the buffers without the written bytes: a write may end within a buffer, for example before the disk is full. */
function dropWritten(buffers: readonly Uint8Array[], bytesWritten: number): Uint8Array[] {
  let left = bytesWritten;
  let index = 0;
  for (const buffer of buffers) {
    if (left < buffer.length) break;
    left -= buffer.length;
    index++;
  }
  const rest = buffers.slice(index);
  const partial = rest[0];
  if (left > 0 && partial) rest[0] = partial.subarray(left);
  return rest;
}
