import { type FileHandle, link, mkdir, open, readdir, rename, rmdir, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/**
 * Durable changes of a folder tree: once resolved they survive power loss. A name is durable when the folder that holds
 * it was fsync'd after the change, and a folder when its own name is.
 */
export interface DurableTree {
  /** Gives the synced file `from` the name `to`, replacing what is there. */
  rename(from: string, to: string): Promise<void>;
  /** Gives the synced file `from` the name `to` and takes the old one away. Rejects EEXIST where `to` is taken. */
  renameIfAbsent(from: string, to: string): Promise<void>;
  /** Gives the file `from` the name `to`, replacing what is there. Not durable. */
  renameUnsynced(from: string, to: string): Promise<void>;
  /**
   * Gives the synced file `from` the name `to` too, replacing what is there. `spare` is an unused path on the same file
   * system; it is not used when this resolves.
   */
  linkOver(from: string, spare: string, to: string): Promise<void>;
  /** Makes sure of the name `path`, which another process may have given just now. */
  makeDurable(path: string): Promise<void>;
  /** Gives the file `from` the name `to`, replacing what is there, and takes the folder that held it away when it is empty. */
  move(from: string, to: string): Promise<void>;
  /** Takes the file `path` away, and the folder that held it when it is empty then. Not durable. Rejects ENOENT. */
  remove(path: string): Promise<void>;
  /** Takes the folder away, and those below it, as far as they are empty. Not durable. A missing folder is a success. */
  removeEmpty(path: string): Promise<void>;
}

/** How often a folder may be pruned between its making and the use of it before that is an error. */
const maxAttempts = 5;

/** `root` exists. Nothing above it is touched. */
export function createDurableTree(root: string): DurableTree {
  /**
   * Folders that this process has seen durable: the steady state costs one fsync, not one for each level. Folders that
   * hold objects are not among them: `remove` prunes those, also in other processes.
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
        // The folder was pruned meanwhile.
        if (!hasCode(error, 'ENOENT') || attempt === maxAttempts) throw error;
        durable.clear();
      }
    }
    // Without its folder the object has been removed again: nothing is left to make durable.
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
        await link(from, spare).catch(unless('EEXIST'));
        try {
          await rename(spare, to);
        } finally {
          // rename(2) does nothing when both names are the same file's.
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
    async remove(path) {
      await unlink(path);
      await prune(dirname(path));
    },
    removeEmpty,
  };
}

/** True if the operating system gave the error one of these codes. */
export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return codes.includes((error as NodeJS.ErrnoException).code ?? '');
}

/** Passes over the failures that are none. */
export function unless(...codes: readonly string[]) {
  return (error: unknown): void => {
    if (!hasCode(error, ...codes)) throw error;
  };
}

/**
 * Makes the folder `path` and those above it, durable like everything that will lie in it. One by one: Node's recursive
 * mkdir never ends where a folder cannot have others, as below /proc.
 */
export async function makeFolders(path: string, mode?: number): Promise<void> {
  if (await isFolder(path)) return;
  await makeFolders(dirname(path), mode);
  try {
    await mkdir(path, mode);
  } catch (error) {
    // Another process may have made it meanwhile.
    if (!hasCode(error, 'EEXIST') || !(await isFolder(path))) throw error;
  }
  await syncFolder(dirname(path));
}

/** Deletes the file; a missing one is a success. */
export async function unlinkIfThere(path: string): Promise<void> {
  await unlink(path).catch(unless('ENOENT'));
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

/** Writes all of `buffers` at `position`, in as few system calls as the operating system allows. */
export async function writeFully(file: FileHandle, buffers: readonly Uint8Array[], position: number): Promise<void> {
  let rest = [...buffers];
  let at = position;
  while (rest.length > 0) {
    const { bytesWritten } = await file.writev(rest, at);
    at += bytesWritten;
    rest = dropWritten(rest, bytesWritten);
  }
}

/** A write may end in the middle of a buffer, as on a full disk just before it fails. */
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
