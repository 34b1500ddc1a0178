import { type FileHandle, link, mkdir, open, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Durable changes of a folder tree: once resolved they survive power loss. A name is durable when the folder that holds
 * it was fsync'd after the change, and a folder when its own name is.
 */
export interface DurableTree {
  /** Gives the synced file `from` the name `to`, replacing what is there. */
  rename(from: string, to: string): Promise<void>;
  /** Gives the synced file `from` the name `to` and takes the old one away. Rejects EEXIST where `to` is taken. */
  renameIfAbsent(from: string, to: string): Promise<void>;
}

/** `root` exists. Nothing above it is touched. */
export function createDurableTree(root: string): DurableTree {
  /** Folders that this process has seen durable: the steady state costs one fsync, not one for each level. */
  const durable = new Set<string>([root]);

  async function makeFolder(path: string): Promise<void> {
    if (durable.has(path)) return;
    const parent = dirname(path);
    await makeFolder(parent);
    await mkdir(path).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    });
    await syncFolder(parent);
    remember(path);
  }

  /** Blobs have a folder each: only the levels that many share are worth remembering. */
  function remember(path: string): void {
    if (durable.size >= 10_000) durable.clear();
    durable.add(path);
    durable.add(root);
  }

  async function place(to: string, put: () => Promise<void>): Promise<void> {
    const folder = dirname(to);
    await makeFolder(folder);
    try {
      await put();
    } catch (error) {
      // Another process may have removed a folder that we remember.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      durable.clear();
      durable.add(root);
      await makeFolder(folder);
      await put();
    }
    await syncFolder(folder);
  }

  return {
    rename: (from, to) => place(to, () => rename(from, to)),
    renameIfAbsent: (from, to) =>
      place(to, async () => {
        await link(from, to);
        await unlink(from);
      }),
  };
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
