import { type Entry, entryTypes } from './entry.ts';

/** An entry of a frame without its directory. Numbers and their order are stored. */
export type Row = [
  name: string,
  type: number,
  mode: number,
  uid: number,
  gid: number,
  user: string,
  group: string,
  sizeBytes: number,
  mtime: number,
  link: string,
  offset: number,
  sha256: string,
  files: number,
  bytes: number,
  flags: number,
  layer: number,
];

/** Returns the entry as an array of its fields. */
export function toRow(entry: Entry): Row {
  const { name, type, mode, uid, gid, user, group, sizeBytes, mtime, link, offset, sha256, files, bytes, layer } = entry;
  const flags = Number(entry.isOpaque) + 2 * Number(entry.isImplied);
  return [
    ...([name, entryTypes.indexOf(type), mode, uid, gid, user, group] as const),
    ...([sizeBytes, mtime, link, offset, sha256, files, bytes, flags, layer] as const),
  ];
}

/** The reverse of `toRow`. */
export function toEntry(directory: string, row: Row): Entry {
  const [name, type, mode, uid, gid, user, group, sizeBytes, mtime, link, offset, sha256, files, bytes, flags, layer] = row;
  return {
    directory,
    name,
    type: entryTypes[type] ?? 'file',
    mode,
    uid,
    gid,
    user,
    group,
    sizeBytes,
    mtime,
    link,
    offset,
    sha256,
    files,
    bytes,
    layer,
    isOpaque: (flags & 1) !== 0,
    isImplied: (flags & 2) !== 0,
  };
}
