/**
 * Types of entries. `whiteout` deletes its name in the layers below, `opaque` everything below its directory (image-spec,
 * layer.md).
 */
export const entryTypes = [
  'file',
  'directory',
  'symlink',
  'hardlink',
  'character',
  'block',
  'fifo',
  'whiteout',
  'opaque',
] as const;
export type EntryType = (typeof entryTypes)[number];

/** A path of a layer or of an image. */
export interface Entry {
  /** Path of its directory, without a slash at either end; '' for the root. */
  readonly directory: string;
  /** Its name in the directory, that of a whiteout without `.wh.`. The root itself has the directory '' and the name ''. */
  readonly name: string;
  readonly type: EntryType;
  /** Permission bits, with setuid, setgid and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Names of the owner and of its group; '' if the archive has none. */
  readonly user: string;
  readonly group: string;
  readonly sizeBytes: number;
  /** Seconds since 1970. */
  readonly mtime: number;
  /** Target of a symbolic link as it was archived; path of the target of a hard link, without a slash at either end. */
  readonly link: string;
  /** Where the content of a file begins in the uncompressed archive. */
  readonly offset: number;
  /** SHA-256 of the content of a file, in hexadecimal digits; '' for other types. */
  readonly sha256: string;
  /** Number of files below a directory, without directories. */
  readonly files: number;
  /** Sum of the sizes of these files. */
  readonly bytes: number;
  /** True for a directory that hides the directory of the same path in the layers below. */
  readonly isOpaque: boolean;
  /** True for a directory that the archive has no entry for, only entries below it. */
  readonly isImplied: boolean;
  /** In the index of an image: which layer the entry comes from, counted from 0 at the bottom. */
  readonly layer: number;
}

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
