import { damaged } from './sqlite-pages.ts';

export type SqliteValue = Buffer | string | number | null;

/** Returns the values of a row (record format). */
export function readRecord(record: Buffer): readonly SqliteValue[] {
  const header = readVarint(record, 0);
  const values: SqliteValue[] = [];
  let body = header.value;
  for (let at = header.end; at < header.value;) {
    const type = readVarint(record, at);
    at = type.end;
    const length = lengthOf(type.value);
    if (body + length > record.length) throw damaged();
    values.push(readValue(type.value, record.subarray(body, body + length)));
    body += length;
  }
  return values;
}

/** Sizes of the serial types below 12. */
const fixedLengths = [0, 1, 2, 3, 4, 6, 8, 8, 0, 0];

function lengthOf(type: number): number {
  return type < 12 ? (fixedLengths[type] ?? 0) : Math.floor((type - 12) / 2);
}

function readValue(type: number, bytes: Buffer): SqliteValue {
  if (type === 0) return null;
  if (type >= 12) return type % 2 === 0 ? bytes : bytes.toString();
  if (type === 9) return 1;
  // Of numbers only the number of a root page is needed, which is at most four bytes long.
  return type <= 4 && type > 0 ? bytes.readUIntBE(0, bytes.length) : 0;
}

/** Reads an integer of one to nine bytes with seven bits each. */
export function readVarint(bytes: Buffer, at: number): { readonly value: number; readonly end: number } {
  let value = 0;
  for (let index = 0; index < 8; index++) {
    const byte = bytes.readUInt8(at + index);
    value = value * 128 + (byte & 0x7f);
    if (byte < 0x80) return { value, end: at + index + 1 };
  }
  return { value: value * 256 + bytes.readUInt8(at + 8), end: at + 9 };
}
