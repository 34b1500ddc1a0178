import { opendir } from 'node:fs/promises';

/**
 * Keys below `root`, ascending by bytes, but for the folders that `isHidden`. A sorted walk is not sorted by key
 * (`a-b` < `a/x`, but `a` < `a-b`): a folder sorts as its name with the slash that follows it in every key below.
 * Only the folders on the way to the current key are in memory, and only those are read that may hold wanted keys.
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
      } else if (mayHold(key, prefix, startAfter) && !isHidden(key)) yield* within(key);
    }
  }
}

/** Keys are ASCII: comparing text compares bytes. */
function mayHold(folderKey: string, prefix: string, startAfter: string): boolean {
  const leadsToPrefix = folderKey.startsWith(prefix) || prefix.startsWith(folderKey);
  const reachesBeyond = folderKey > startAfter || startAfter.startsWith(folderKey);
  return leadsToPrefix && reachesBeyond;
}

/** A folder that is not there any more has no entries. */
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
