import { InvalidLayer } from './limits.ts';

/** Returns the text up to the first NUL. */
export function text(bytes: Buffer, offset: number, length: number): string {
  const end = bytes.indexOf(0, offset);
  return bytes.toString('utf8', offset, end === -1 ? offset + length : Math.min(end, offset + length));
}

/** Returns a number in octal digits or in the binary form of GNU tar. Throws `InvalidLayer` that names `at`, the offset. */
export function number(block: Buffer, offset: number, length: number, at: number): number {
  const first = block[offset] ?? 0;
  const value = (first & 0x80) === 0 ? octal(block, offset, length) : binary(block, offset, length);
  if (!Number.isSafeInteger(value)) throw new InvalidLayer(`the header at ${at} of the archive has an invalid number`);
  return value;
}

/** Returns a number in octal digits; 0 for an empty field, NaN for other characters. */
export function octal(block: Buffer, offset: number, length: number): number {
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
