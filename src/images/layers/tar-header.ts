import { InvalidLayer } from './limits.ts';

/** Size of a block: headers are one block, contents are padded to whole blocks. */
export const blockBytes = 512;

/** The fields of a tar header: POSIX ustar, and GNU tar's binary numbers. */
export interface TarHeader {
  readonly path: string;
  readonly link: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  /** Seconds since 1970. */
  readonly mtime: number;
  /** The type of the entry, one character. */
  readonly type: string;
  readonly user: string;
  readonly group: string;
}

/**
 * Decodes a header block; undefined for a block of zeros. Throws `InvalidLayer`. `at`: its offset in the archive, for
 * messages.
 */
export function decodeHeader(block: Buffer, at: number): TarHeader | undefined {
  const checksum = sumOf(block);
  if (checksum === blankSum && block.every((byte) => byte === 0)) return undefined;
  if (checksum !== octal(block, 148, 8)) throw new InvalidLayer(`the header at ${at} of the archive is damaged`);
  const magic = block.toString('latin1', 257, 265);
  const isPosix = magic.startsWith('ustar\0');
  const hasOwner = isPosix || magic === 'ustar  \0';
  const prefix = isPosix ? text(block, 345, 155) : '';
  const name = text(block, 0, 100);
  return {
    path: prefix === '' ? name : `${prefix}/${name}`,
    mode: number(block, 100, 8, at),
    uid: number(block, 108, 8, at),
    gid: number(block, 116, 8, at),
    sizeBytes: number(block, 124, 12, at),
    mtime: number(block, 136, 12, at),
    type: String.fromCharCode(block[156] || 48),
    link: text(block, 157, 100),
    user: hasOwner ? text(block, 265, 32) : '',
    group: hasOwner ? text(block, 297, 32) : '',
  };
}

/** The checksum of a block of zeros: the checksum field itself counts as spaces. */
const blankSum = 8 * 32;

function sumOf(block: Buffer): number {
  let sum = blankSum;
  for (let index = 0; index < blockBytes; index++) if (index < 148 || index >= 156) sum += block[index] ?? 0;
  return sum;
}

/** Returns the text up to the first NUL. */
export function text(bytes: Buffer, offset: number, length: number): string {
  const end = bytes.indexOf(0, offset);
  return bytes.toString('utf8', offset, end === -1 ? offset + length : Math.min(end, offset + length));
}

function number(block: Buffer, offset: number, length: number, at: number): number {
  const first = block[offset] ?? 0;
  const value = (first & 0x80) === 0 ? octal(block, offset, length) : binary(block, offset, length);
  if (!Number.isSafeInteger(value)) throw new InvalidLayer(`the header at ${at} of the archive has an invalid number`);
  return value;
}

function octal(block: Buffer, offset: number, length: number): number {
  const digits = text(block, offset, length).trim();
  if (digits === '') return 0;
  return /^[0-7]+$/.test(digits) ? parseInt(digits, 8) : NaN;
}

/** Big-endian two's complement; the highest bit marks the encoding (GNU tar, "Extensions"). */
function binary(block: Buffer, offset: number, length: number): number {
  const isNegative = ((block[offset] ?? 0) & 0x40) !== 0;
  let value = isNegative ? BigInt(-1) : 0n;
  for (let index = 0; index < length; index++) {
    const byte = block[offset + index] ?? 0;
    value = value * 256n + BigInt(index === 0 ? (isNegative ? byte : byte & 0x7f) : byte);
  }
  return Number(isNegative ? BigInt.asIntN(length * 8, value) : value);
}

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
