import { opendir } from 'node:fs/promises';

/**
 * Keys below `folder`, ascending by bytes. A sorted walk is not sorted by key (`a-b` < `a/x`, but `a` < `a-b`):
 * a folder sorts as its name with the slash that follows it in every key below.
 */
export async function* walk(folder: string, prefix: string, startAfter: string, base = ''): AsyncGenerator<string> {
  for (const name of await sortedEntries(folder)) {
    const key = base + name;
    if (name.endsWith('/')) {
      if (mayHold(key, prefix, startAfter)) yield* walk(`${folder}/${name.slice(0, -1)}`, prefix, startAfter, key);
    } else if (key.startsWith(prefix) && key > startAfter) yield key;
  }
}

/** Keys are ASCII: comparing text compares bytes. */
function mayHold(folderKey: string, prefix: string, startAfter: string): boolean {
  const leadsToPrefix = folderKey.startsWith(prefix) || prefix.startsWith(folderKey);
  const reachesBeyond = folderKey > startAfter || startAfter.startsWith(folderKey);
  return leadsToPrefix && reachesBeyond;
}

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
