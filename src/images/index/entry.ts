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
