import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseDpkgStatus } from '../../../src/images/packages/dpkg.ts';
import { parseRpmDatabase } from '../../../src/images/packages/rpm.ts';
import { type ImageRoom, at, openImageRoom } from '../../support/image-room.ts';
import { tar } from '../../support/tar.ts';

const status = `Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.41-12
Description: a library
 Version: of the description

Package: removed
Status: deinstall ok config-files
Architecture: all
Version: 1

`;
const tzdata = 'Package: tzdata\nVersion: 2025b\nArchitecture: all\n';
const installed = 'C:Q1abc\nP:musl\nV:1.2.5-r9\nA:x86_64\nF:lib\n\nP:zlib\nV:1.3.1-r2\nA:x86_64\n\n';

/** Returns an rpm header: the index and the store of its values (rpm's header format, without the lead). */
function rpmHeader(name: string, version: string, release: string, epoch: number | undefined, filler: number): Buffer {
  const values = [
    [1000, 6, Buffer.from(`${name}\0`)],
    [1001, 6, Buffer.from(`${version}\0`)],
    [1002, 6, Buffer.from(`${release}\0`)],
    ...(epoch === undefined ? [] : [[1003, 4, Buffer.from([0, 0, 0, epoch])] as const]),
    [1022, 6, Buffer.from('x86_64\0')],
    [1004, 9, Buffer.alloc(filler, 'f')],
  ] as const;
  const index: Buffer[] = [];
  let offset = 0;
  for (const [tag, type, value] of values) {
    const entry = Buffer.alloc(16);
    for (const [place, number] of [tag, type, offset, 1].entries()) entry.writeUInt32BE(number, place * 4);
    index.push(entry);
    offset += value.length;
  }
  const lengths = Buffer.alloc(8);
  lengths.writeUInt32BE(values.length, 0);
  lengths.writeUInt32BE(offset, 4);
  return Buffer.concat([lengths, ...index, ...values.map(([, , value]) => value)]);
}

/** Makes a database with SQLite itself: headers of some bytes to some pages, on several levels of pages. */
async function rpmDatabase(packages: number): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'berth-rpm-'));
  const file = join(folder, 'rpmdb.sqlite');
  const database = new DatabaseSync(file);
  database.exec(
    'CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL); CREATE TABLE Name (key TEXT)',
  );
  const insert = database.prepare('INSERT INTO Packages (blob) VALUES (?)');
  database.exec('BEGIN');
  for (let number = 0; number < packages; number++) {
    insert.run(rpmHeader(`p${number}`, '1.0', `${number}.fc41`, number % 3 === 0 ? 2 : undefined, (number * 977) % 30_000));
  }
  database.exec('COMMIT');
  database.close();
  const bytes = await readFile(file);
  await rm(folder, { recursive: true });
  return bytes;
}

describe('packages', () => {
  let room: ImageRoom;
  beforeAll(async () => {
    room = await openImageRoom();
  });
  afterAll(() => room.close());

  async function packagesOf(tag: string) {
    const images = room.replica();
    return images.packages.list(await images.openReady(at(tag), 60));
  }

  test('of dpkg are those of the uppermost status file, and those of status.d', async () => {
    const lower = tar({ 'var/lib/dpkg/status': 'Package: old\nVersion: 1\n', 'var/lib/dpkg/status.d/tzdata': tzdata });
    await room.push('dpkg', [lower, tar({ 'var/lib/dpkg/status': status, 'var/lib/dpkg/status.d/tzdata.md5sums': 'x' })]);
    expect(await packagesOf('dpkg')).toEqual({
      files: [
        { path: 'var/lib/dpkg/status', format: 'dpkg', unread: '' },
        { path: 'var/lib/dpkg/status.d/tzdata', format: 'dpkg', unread: '' },
      ],
      packages: [
        { name: 'libc6', version: '2.41-12', architecture: 'amd64', format: 'dpkg' },
        { name: 'tzdata', version: '2025b', architecture: 'all', format: 'dpkg' },
      ],
    });
  });

  test('of dpkg equal those that dpkg-query lists', async () => {
    const { stdout } = spawnSync('dpkg-query', ['-W', '-f=${db:Status-Status} ${Package} ${Version} ${Architecture}\n'], {
      encoding: 'utf8',
    });
    const lines = stdout.split('\n').filter((line) => line.startsWith('installed '));
    const listed = parseDpkgStatus(await readFile('/var/lib/dpkg/status', 'utf8'));
    expect(listed.map(({ name, version, architecture }) => `installed ${name} ${version} ${architecture}`).sort()).toEqual(
      lines.sort(),
    );
  });

  test('of apk are read, and a deleted database is not', async () => {
    const lower = tar({ 'lib/apk/db/installed': installed });
    await room.push('apk', [lower]);
    expect((await packagesOf('apk')).packages).toEqual([
      { name: 'musl', version: '1.2.5-r9', architecture: 'x86_64', format: 'apk' },
      { name: 'zlib', version: '1.3.1-r2', architecture: 'x86_64', format: 'apk' },
    ]);
    await room.push('apk-deleted', [lower, tar({ 'lib/.wh.apk': '' })]);
    expect(await packagesOf('apk-deleted')).toEqual({ files: [], packages: [] });
  });

  test('of rpm are read from databases that SQLite has written', async () => {
    const count = 700;
    const database = await rpmDatabase(count);
    await room.push('rpm', [tar({ 'usr/lib/sysimage/rpm/rpmdb.sqlite': database, 'var/lib/rpm/Packages': 'bdb' })]);
    const { files, packages } = await packagesOf('rpm');
    expect(packages).toHaveLength(count);
    expect(packages.find(({ name }) => name === 'p699')).toEqual({
      name: 'p699',
      version: '2:1.0-699.fc41',
      architecture: 'x86_64',
      format: 'rpm',
    });
    expect(packages.find(({ name }) => name === 'p1')?.version).toBe('1.0-1.fc41');
    expect(files).toContainEqual({
      path: 'var/lib/rpm/Packages',
      format: 'rpm',
      unread: 'rpm databases of Berkeley DB are not read',
    });
  });

  test('of a damaged rpm database are named as unread', async () => {
    const database = await rpmDatabase(50);
    for (let cut = 0; cut < 200; cut++) {
      const damaged = Buffer.from(database);
      damaged.fill(0xff, (cut * 7919) % damaged.length, ((cut * 7919) % damaged.length) + 64);
      try {
        parseRpmDatabase(damaged);
      } catch (error) {
        expect(error).toMatchObject({ name: 'UnreadPackages' });
      }
    }
    expect(() => parseRpmDatabase(Buffer.from('no database'))).toThrow('the file is not an SQLite database');
  });
});
