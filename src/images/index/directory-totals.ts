import { compareKeys, impliedDirectory, keyOf, pathOf } from './entry-key.ts';
import type { Entry } from './entry.ts';

/** What a directory contains, with everything below it. */
export interface DirectoryTotals {
  files: number;
  bytes: number;
  isOpaque: boolean;
  /** True if the directory has an entry of its own. */
  isListed: boolean;
}

/** Sums up the files below each directory. */
export interface TotalsCollector {
  /** Entries must come in the order of an index. */
  add(entry: Entry): void;
  /** Approximate memory, in bytes. */
  heldBytes(): number;
  /** Returns the entry with the totals of its directory. Call it after the last `add`. */
  withTotals(entry: Entry): Entry;
  /** Returns directories without an entry of their own, in the order of an index. Call it after the last `add`. */
  implied(): readonly Entry[];
}

/** Memory of a directory in addition to its path. */
const directoryBytes = 160;

export function createTotalsCollector(): TotalsCollector {
  const directories = new Map<string, DirectoryTotals>();
  let heldBytes = 0;

  /** Returns the totals of a directory; adds it, and those above it. */
  function totalsOf(path: string): DirectoryTotals {
    const known = directories.get(path);
    if (known) return known;
    const added = { files: 0, bytes: 0, isOpaque: false, isListed: false };
    directories.set(path, added);
    heldBytes += directoryBytes + 2 * path.length;
    if (path !== '') totalsOf(keyOf(path).directory);
    return added;
  }

  function addFile(directory: string, bytes: number): void {
    for (let path = directory; ; path = keyOf(path).directory) {
      const totals = totalsOf(path);
      totals.files++;
      totals.bytes += bytes;
      if (path === '') return;
    }
  }

  totalsOf('');
  return {
    add(entry) {
      if (entry.type === 'directory') totalsOf(pathOf(entry)).isListed = true;
      else if (entry.type === 'opaque') totalsOf(entry.directory).isOpaque = true;
      else if (entry.type === 'whiteout') totalsOf(entry.directory);
      else addFile(entry.directory, entry.type === 'file' ? entry.sizeBytes : 0);
    },
    heldBytes: () => heldBytes,
    withTotals(entry) {
      const totals = entry.type === 'directory' ? directories.get(pathOf(entry)) : undefined;
      if (!totals) return entry;
      const { files, bytes, isOpaque } = totals;
      return { ...entry, files, bytes, isOpaque };
    },
    implied() {
      const missing = [...directories].filter(([, { isListed }]) => !isListed).map(([path]) => impliedDirectory(keyOf(path)));
      return missing.sort((one, other) => compareKeys(one, other));
    },
  };
}
