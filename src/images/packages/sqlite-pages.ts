import { UnreadPackages } from './package.ts';

const signature = 'SQLite format 3\0';

/** Returns the error for a file that contradicts its own format. */
export function damaged(): UnreadPackages {
  return new UnreadPackages('the database is damaged');
}

/** The pages of an SQLite file, each of the same size. */
export interface Pages {
  readonly usableBytes: number;
  /** Returns a page, each once. Throws `UnreadPackages` for one that is read again: a cycle. */
  page(number: number): Buffer;
}

/** Reads the header of the file. Throws `UnreadPackages`. */
export function openPages(file: Buffer): Pages {
  if (file.toString('latin1', 0, 16) !== signature) throw new UnreadPackages('the file is not an SQLite database');
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
