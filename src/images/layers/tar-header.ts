import { InvalidLayer } from './limits.ts';
import { number, octal, text } from './tar-fields.ts';

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
