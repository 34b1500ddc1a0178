import { opendir } from 'node:fs/promises';

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
  yield* within('');

  async function* within(folderKey: string): AsyncGenerator<string> {
    for (const name of await sortedEntries(`${root}/${folderKey}`)) {
      const key = folderKey + name;
      if (!name.endsWith('/')) {
        if (key.startsWith(prefix) && key > startAfter) yield key;
      } else if (mayContain(key, prefix, startAfter) && !isHidden(key)) yield* within(key);
    }
  }
}

/** True if the folder may have keys in question. Keys are ASCII: comparing text compares bytes. */
function mayContain(folderKey: string, prefix: string, startAfter: string): boolean {
  const leadsToPrefix = folderKey.startsWith(prefix) || prefix.startsWith(folderKey);
  const reachesBeyond = folderKey > startAfter || startAfter.startsWith(folderKey);
  return leadsToPrefix && reachesBeyond;
}

/** Returns the sorted entries of a folder; none if it was deleted. */
async function sortedEntries(folder: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const entry of await opendir(folder)) {
      if (entry.isDirectory()) names.push(`${entry.name}/`);
      else if (entry.isFile()) names.push(entry.name);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return names.sort((one, other) => (one < other ? -1 : 1));
}
