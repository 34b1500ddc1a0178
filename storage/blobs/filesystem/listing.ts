import { opendir } from 'node:fs/promises';
import type { StoredEntryKind } from '../driver.ts';

/** A file, symbolic link or other thing below a folder; not a folder. */
export interface WalkedEntry {
  readonly path: string;
  readonly kind: StoredEntryKind;
}

/**
 * Yields the keys below `root` that begin with `prefix`, after `startAfter`, ascending by bytes, without the folders for which
 * `isHidden` is true. A folder sorts as its name with a slash, because `a-b` < `a/x` although `a` < `a-b`. Keeps only the
 * entries of the folders on the path to the current key in memory, and reads only folders that may have such keys.
 */
export async function* walk(
  root: string,
  prefix: string,
  startAfter: string,
  isHidden: (folderKey: string) => boolean,
): AsyncGenerator<string> {
  for await (const { path, kind } of walkEntries(root, prefix, startAfter, isHidden)) if (kind === 'object') yield path;
}

/**
 * The same with symbolic links and everything else that is no folder. Follows only the symbolic links that lead to the
 * prefix.
 */
export async function* walkEntries(
  root: string,
  prefix: string,
  startAfter: string,
  isHidden: (folderKey: string) => boolean,
): AsyncGenerator<WalkedEntry> {
  yield* within('');

  async function* within(folderKey: string): AsyncGenerator<WalkedEntry> {
    const { names, others } = await sortedEntries(`${root}/${folderKey}`);
    for (const name of names) {
      const path = folderKey + name;
      const kind = others.get(name) ?? 'object';
      if (kind === 'symlink' && prefix.startsWith(`${path}/`)) yield* within(`${path}/`);
      else if (!name.endsWith('/')) {
        if (path.startsWith(prefix) && path > startAfter) yield { path, kind };
      } else if (mayContain(path, prefix, startAfter) && !isHidden(path)) yield* within(path);
    }
  }
}

/** True if the folder may have keys in question. Keys are ASCII: comparing text compares bytes. */
function mayContain(folderKey: string, prefix: string, startAfter: string): boolean {
  const leadsToPrefix = folderKey.startsWith(prefix) || prefix.startsWith(folderKey);
  const reachesBeyond = folderKey > startAfter || startAfter.startsWith(folderKey);
  return leadsToPrefix && reachesBeyond;
}

interface FolderEntries {
  /** Sorted; those of folders end with a slash. */
  readonly names: readonly string[];
  /** Kinds of the names that are neither folders nor files. */
  readonly others: ReadonlyMap<string, StoredEntryKind>;
}

/** Returns the entries of a folder; none if it was deleted. */
async function sortedEntries(folder: string): Promise<FolderEntries> {
  const names: string[] = [];
  const others = new Map<string, StoredEntryKind>();
  try {
    for await (const entry of await opendir(folder)) {
      names.push(entry.isDirectory() ? `${entry.name}/` : entry.name);
      if (entry.isSymbolicLink()) others.set(entry.name, 'symlink');
      else if (!entry.isDirectory() && !entry.isFile()) others.set(entry.name, 'other');
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return { names: names.sort((one, other) => (one < other ? -1 : 1)), others };
}
