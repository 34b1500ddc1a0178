import { type Package, UnreadPackages } from './package.ts';
import { readSqliteTable } from './sqlite-table.ts';

/** Tags of an rpm header (rpmtag.h). */
const tags = { name: 1000, version: 1001, release: 1002, epoch: 1003, architecture: 1022 } as const;
/** Types of values (rpmtag.h). */
const int32 = 4;
const stringType = 6;

const entryBytes = 16;

/** Reads `rpmdb.sqlite`: the table Packages has one rpm header for each package. Throws `UnreadPackages`. */
export function parseRpmDatabase(file: Buffer): readonly Package[] {
  try {
    return readSqliteTable(file, 'Packages').map(([, header]) => {
      if (!Buffer.isBuffer(header)) throw new UnreadPackages('a row of the rpm database has no header');
      return parseHeader(header);
    });
  } catch (error) {
    // Offsets that point outside of the file or of a header.
    if ((error as Error).name === 'RangeError') throw new UnreadPackages('the rpm database is damaged');
    throw error;
  }
}

/** An index of 16-byte entries (tag, type, offset, count) and a store of their values; all numbers are big-endian. */
function parseHeader(header: Buffer): Package {
  if (header.length < 8) throw new UnreadPackages('a header of the rpm database is damaged');
  const count = header.readUInt32BE(0);
  const store = 8 + count * entryBytes;
  if (store > header.length) throw new UnreadPackages('a header of the rpm database is damaged');
  const values = new Map<number, string>();
  for (let index = 0; index < count; index++) {
    const at = 8 + index * entryBytes;
    const [tag, type, offset] = [header.readUInt32BE(at), header.readUInt32BE(at + 4), store + header.readUInt32BE(at + 8)];
    if (!Object.values<number>(tags).includes(tag)) continue;
    if (type === stringType) values.set(tag, header.toString('utf8', offset, endOfText(header, offset)));
    else if (type === int32 && offset + 4 <= header.length) values.set(tag, String(header.readUInt32BE(offset)));
  }
  const [epoch, version, release] = [values.get(tags.epoch), values.get(tags.version) ?? '', values.get(tags.release) ?? ''];
  return {
    name: values.get(tags.name) ?? '',
    version: `${epoch === undefined ? '' : `${epoch}:`}${version}-${release}`,
    architecture: values.get(tags.architecture) ?? '',
  };
}

function endOfText(header: Buffer, offset: number): number {
  const end = header.indexOf(0, offset);
  return end === -1 ? header.length : end;
}
