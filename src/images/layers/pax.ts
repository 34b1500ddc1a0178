import { InvalidLayer } from './limits.ts';
import type { TarHeader } from './tar-header.ts';

/** Fields of extended headers (pax) that replace those of the header, as text. */
export type PaxFields = ReadonlyMap<string, string>;

/** Decodes the records of an extended header: `LENGTH KEY=VALUE\n`. Throws `InvalidLayer`. */
export function decodePax(records: Buffer, at: number): PaxFields {
  const fields = new Map<string, string>();
  for (let offset = 0; offset < records.length;) {
    const space = records.indexOf(0x20, offset);
    const length = space === -1 ? NaN : Number(records.toString('latin1', offset, space));
    const equals = records.indexOf(0x3d, space);
    const end = offset + length;
    if (!Number.isInteger(length) || equals === -1 || equals >= end || end > records.length) {
      throw new InvalidLayer(`the extended header at ${at} of the archive is damaged`);
    }
    fields.set(records.toString('utf8', space + 1, equals), records.toString('utf8', equals + 1, end - 1));
    offset = end;
  }
  return fields;
}

/** Returns the header with the fields of extended headers. Throws `InvalidLayer`. */
export function withPax(header: TarHeader, fields: PaxFields, at: number): TarHeader {
  if (fields.size === 0) return header;
  const numeric = (key: string, otherwise: number) => {
    const value = fields.get(key);
    if (value === undefined || value === '') return otherwise;
    const parsed = Number(value);
    if (!Number.isFinite(parsed)) throw new InvalidLayer(`the extended header at ${at} of the archive has an invalid ${key}`);
    return Math.floor(parsed);
  };
  return {
    ...header,
    path: fields.get('path') || header.path,
    link: fields.get('linkpath') || header.link,
    uid: numeric('uid', header.uid),
    gid: numeric('gid', header.gid),
    sizeBytes: numeric('size', header.sizeBytes),
    mtime: numeric('mtime', header.mtime),
    user: fields.get('uname') ?? header.user,
    group: fields.get('gname') ?? header.group,
  };
}
