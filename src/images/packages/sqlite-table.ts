import { UnreadPackages } from './package.ts';

/**
 * Reads a table of an SQLite file (https://sqlite.org/fileformat2.html) in memory. The file comes from an image and may be
 * made to exploit a defect of a reader: this one is JavaScript and follows each page once, so that it can only throw.
 */

export type SqliteValue = Buffer | string | number | null;

const signature = 'SQLite format 3\0';
const interiorPage = 5;
const leafPage = 13;
/** More than the overflow pages of a header of a few megabytes. */
const maxValueBytes = 64 * 1024 * 1024;

/** Returns the rows of the table, in the order of their ids. Integers and floats are returned as 0: no caller needs them.
 * Throws `UnreadPackages`, and `RangeError` for offsets that point outside of the file. */
export function readSqliteTable(file: Buffer, table: string): readonly (readonly SqliteValue[])[] {
  const pages = openPages(file);
  const schema = [...rowsOf(pages, 1)];
  const description = schema.find(([type, name]) => type === 'table' && name === table);
  if (!description) throw new UnreadPackages(`the database has no table ${table}`);
  const rootPage = description[3];
  if (typeof rootPage !== 'number') throw damaged();
  return [...rowsOf(pages, rootPage)];
}

function damaged(): UnreadPackages {
  return new UnreadPackages('the database is damaged');
}

interface Pages {
  readonly usableBytes: number;
  /** Returns a page, each once. Throws `UnreadPackages` for one that is read again: a cycle. */
  page(number: number): Buffer;
}

function openPages(file: Buffer): Pages {
  if (file.toString('latin1', 0, 16) !== signature) throw new UnreadPackages('the file is no SQLite database');
  if (file.readUInt32BE(56) !== 1) throw new UnreadPackages('the texts of the database are not UTF-8');
  const stored = file.readUInt16BE(16);
  const pageBytes = stored === 1 ? 65_536 : stored;
  const seen = new Set<number>();
  if (pageBytes < 512) throw damaged();
  return {
    usableBytes: pageBytes - file.readUInt8(20),
    page(number) {
      if (number !== 1 && seen.has(number)) throw damaged();
      seen.add(number);
      const page = file.subarray((number - 1) * pageBytes, number * pageBytes);
      if (number < 1 || page.length < pageBytes) throw damaged();
      return page;
    },
  };
}

/** Yields the rows of the b-tree below a page, depth first. */
function* rowsOf(pages: Pages, root: number): Generator<readonly SqliteValue[]> {
  const waiting = [root];
  for (let number = waiting.pop(); number !== undefined; number = waiting.pop()) {
    const page = pages.page(number);
    const start = number === 1 ? 100 : 0;
    const type = page.readUInt8(start);
    const count = page.readUInt16BE(start + 3);
    if (type === interiorPage) {
      const children = Array.from({ length: count }, (_, cell) => page.readUInt32BE(page.readUInt16BE(start + 12 + 2 * cell)));
      waiting.push(...[...children, page.readUInt32BE(start + 8)].reverse());
    } else if (type === leafPage) {
      for (let cell = 0; cell < count; cell++) yield readRecord(readCell(pages, page, page.readUInt16BE(start + 8 + 2 * cell)));
    } else {
      throw damaged();
    }
  }
}

/** Returns the payload of a cell of a leaf, with its overflow pages. */
function readCell(pages: Pages, page: Buffer, at: number): Buffer {
  const length = readVarint(page, at);
  const id = readVarint(page, length.end);
  const { usableBytes } = pages;
  if (length.value > maxValueBytes) throw damaged();
  const maxLocal = usableBytes - 35;
  const minLocal = Math.floor(((usableBytes - 12) * 32) / 255) - 23;
  const spilled = minLocal + ((length.value - minLocal) % (usableBytes - 4));
  const local = length.value <= maxLocal ? length.value : spilled <= maxLocal ? spilled : minLocal;
  const parts = [page.subarray(id.end, id.end + local)];
  let next = local < length.value ? page.readUInt32BE(id.end + local) : 0;
  for (let left = length.value - local; left > 0; left -= usableBytes - 4) {
    const overflow = pages.page(next);
    parts.push(overflow.subarray(4, 4 + Math.min(left, usableBytes - 4)));
    next = overflow.readUInt32BE(0);
  }
  return Buffer.concat(parts);
}

function readRecord(record: Buffer): readonly SqliteValue[] {
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
function readVarint(bytes: Buffer, at: number): { readonly value: number; readonly end: number } {
  let value = 0;
  for (let index = 0; index < 8; index++) {
    const byte = bytes.readUInt8(at + index);
    value = value * 128 + (byte & 0x7f);
    if (byte < 0x80) return { value, end: at + index + 1 };
  }
  return { value: value * 256 + bytes.readUInt8(at + 8), end: at + 9 };
}
