import type { Entry } from './entry.ts';

/** Position of an entry in an index. */
export type EntryKey = Pick<Entry, 'directory' | 'name'>;

/** Orders by directory, then by name. */
export function compareKeys(one: EntryKey, other: EntryKey): number {
  return compareTexts(one.directory, other.directory) || compareTexts(one.name, other.name);
}

/** Orders the entries of one layer: a whiteout comes before an entry of the same path. */
export function compareEntries(one: Entry, other: Entry): number {
  return compareKeys(one, other) || Number(one.type !== 'whiteout') - Number(other.type !== 'whiteout');
}

function compareTexts(one: string, other: string): number {
  return one === other ? 0 : one < other ? -1 : 1;
}

/** Returns the path of an entry, without a slash at either end; '' for the root. */
export function pathOf({ directory, name }: EntryKey): string {
  return directory === '' ? name : `${directory}/${name}`;
}

/** Splits a path without a slash at either end. */
export function keyOf(path: string): EntryKey {
  const slash = path.lastIndexOf('/');
  return { directory: path.slice(0, Math.max(0, slash)), name: path.slice(slash + 1) };
}

/** Returns the directory of an entry that no archive describes. */
export function impliedDirectory(key: EntryKey): Entry {
  return {
    directory: key.directory,
    name: key.name,
    type: 'directory',
    mode: 0o755,
    uid: 0,
    gid: 0,
    user: '',
    group: '',
    sizeBytes: 0,
    mtime: 0,
    link: '',
    offset: 0,
    sha256: '',
    files: 0,
    bytes: 0,
    isOpaque: false,
    isImplied: true,
    layer: 0,
  };
}
