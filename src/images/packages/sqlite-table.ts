import { UnreadPackages } from './package.ts';
import { type Pages, damaged, openPages } from './sqlite-pages.ts';
import { type SqliteValue, readRecord, readVarint } from './sqlite-record.ts';

/**
 * Reads a table of an SQLite file (https://sqlite.org/fileformat2.html) in memory. The file comes from an image and may be
 * made to exploit a defect of a reader: this one is JavaScript and follows each page once, so that it can only throw.
 */

const interiorPage = 5;
const leafPage = 13;
/** More than the overflow pages of a header of a few megabytes. */
const maxValueBytes = 64 * 1024 * 1024;

/**
 * Returns the rows of the table, in the order of their ids. Integers and floats are returned as 0: no caller needs them.
 * Throws `UnreadPackages`, and `RangeError` for offsets that point outside of the file.
 */
export function readSqliteTable(file: Buffer, table: string): readonly (readonly SqliteValue[])[] {
  const pages = openPages(file);
  const schema = [...rowsOf(pages, 1)];
  const description = schema.find(([type, name]) => type === 'table' && name === table);
  if (!description) throw new UnreadPackages(`the database has no table ${table}`);
  const rootPage = description[3];
  if (typeof rootPage !== 'number') throw damaged();
  return [...rowsOf(pages, rootPage)];
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
