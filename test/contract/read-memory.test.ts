import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, readFile, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import { createReadMemory, mostResults } from '../../storage/metadata/sqlite/read-memory.ts';
import { createSqliteStore } from '../../storage/metadata/sqlite/sqlite-store.ts';
import { type Plain, plain } from '../support/plain.ts';

let directory: string;
let file: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-memory-'));
  file = join(directory, 'metadata.sqlite');
});

afterEach(() => rm(directory, { recursive: true }));

function createMemory() {
  const memory = createReadMemory(file);
  if (!memory) throw new Error('commits are not seen in the WAL index');
  return memory;
}

/** A database with one number, a reader of it, and a memory that counts the reads that were performed. */
function openNumber() {
  const writer = new DatabaseSync(file);
  writer.exec('PRAGMA journal_mode = WAL; CREATE TABLE numbers (value INTEGER NOT NULL); INSERT INTO numbers VALUES (0)');
  const reader = new DatabaseSync(file, { readOnly: true });
  const statement = reader.prepare('SELECT value FROM numbers');
  const memory = createMemory();
  const counted = { reads: 0 };
  return {
    writer,
    counted,
    recall: () =>
      memory.recall('number', () => {
        counted.reads++;
        return statement.get()?.['value'];
      }),
    close() {
      reader.close();
      writer.close();
      memory.close();
    },
  };
}

test('a read is performed once until a commit changes the database', () => {
  const { writer, counted, recall, close } = openNumber();
  expect([recall(), recall(), recall(), counted.reads]).toEqual([0, 0, 0, 1]);
  writer.exec('UPDATE numbers SET value = 1');
  expect([recall(), recall(), counted.reads]).toEqual([1, 1, 2]);
  close();
});

test.each([
  ['a commit', 'UPDATE numbers SET value = value + 1'],
  ['a commit without fsync', 'PRAGMA synchronous = OFF; UPDATE numbers SET value = value + 1'],
  ['the first commit after a checkpoint', 'PRAGMA wal_checkpoint(TRUNCATE); UPDATE numbers SET value = value + 1'],
  ['a checkpoint behind a commit', 'UPDATE numbers SET value = value + 1; PRAGMA wal_checkpoint(RESTART)'],
  ['a commit that leaves the number of frames as it was', 'PRAGMA wal_checkpoint; UPDATE numbers SET value = value + 1'],
])('after %s the next read sees what was written', (_, change) => {
  const { writer, recall, close } = openNumber();
  for (let value = 1; value <= 20; value++) {
    writer.exec(change);
    expect([recall(), recall()]).toEqual([value, value]);
  }
  close();
});

test('a transaction that is open or was rolled back shows nothing', () => {
  const { writer, recall, close } = openNumber();
  writer.exec('BEGIN; UPDATE numbers SET value = 1');
  expect(recall()).toBe(0);
  writer.exec('ROLLBACK');
  expect(recall()).toBe(0);
  close();
});

test('a commit of another process is seen as soon as that process knows of it', async () => {
  const { recall, close } = openNumber();
  const program = `
    const database = new (require('node:sqlite').DatabaseSync)(process.argv[1], { timeout: 10_000 });
    require('node:readline').createInterface(process.stdin).on('line', (value) => {
      database.exec('UPDATE numbers SET value = ' + value);
      console.log(value);
    });`;
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', '-e', program, file], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const answers = createInterface(child.stdout)[Symbol.asyncIterator]();
  for (let value = 1; value <= 100; value++) {
    child.stdin.write(`${value}\n`);
    expect((await answers.next()).value).toBe(String(value));
    expect(recall()).toBe(value);
  }
  child.stdin.end();
  await once(child, 'close');
  close();
});

test('nothing is remembered where commits are not seen in the file of the WAL index', async () => {
  const writer = new DatabaseSync(file);
  writer.exec('PRAGMA journal_mode = WAL; CREATE TABLE numbers (value INTEGER NOT NULL)');
  const index = `${file}-shm`;
  // Another file under this name is what a file system shows that keeps two copies of a file's pages.
  await rename(index, `${index}.true`);
  await copyFile(`${index}.true`, index);
  expect(createReadMemory(file)).toBeUndefined();
  writer.close();
});

test('a store for a command commits nothing when it is opened', async () => {
  const server = await createSqliteStore({ file });
  const header = async () => (await readFile(`${file}-shm`)).subarray(0, 96).toString('hex');
  const before = await header();
  const command = await createSqliteStore({ file, remembersReads: false });
  expect(await command.repositories.list('', 1)).toEqual([]);
  expect(await header()).toBe(before);
  await command.close();
  await server.close();
});

test('a store that is closed keeps the locks of the other stores of its process', async () => {
  const [one, other] = [await createSqliteStore({ file }), await createSqliteStore({ file })];
  const inode = (await stat(`${file}-shm`)).ino;
  const locks = async () =>
    (await readFile('/proc/locks', 'utf8')).split('\n').filter((line) => line.includes(`:${inode} `)).length;
  expect(await locks()).toBeGreaterThan(0);
  await one.close();
  expect(await locks()).toBeGreaterThan(0);
  await other.close();
  expect(await locks()).toBe(0);
});

test('what was not found is looked up again, and the number of remembered results is limited', () => {
  const { close } = openNumber();
  const memory = createMemory();
  const reads = new Map<string, number>();
  const recall = (key: string, result: string | undefined) =>
    memory.recall(key, () => {
      reads.set(key, (reads.get(key) ?? 0) + 1);
      return result;
    });
  for (let turn = 0; turn < 2; turn++) recall('missing', undefined);
  for (let index = 0; index <= mostResults; index++) recall(`key ${index}`, 'result');
  recall('key 0', 'result');
  recall(`key ${mostResults}`, 'result');
  expect([reads.get('missing'), reads.get('key 0'), reads.get(`key ${mostResults}`)]).toEqual([2, 2, 1]);
  close();
});

test('two stores on one file find a tag as the last write left them', async () => {
  const stores = [plain(await createSqliteStore({ file })), plain(await createSqliteStore({ file }))];
  const author = { actor: 'alice', address: '', at: 1 };
  const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
  const facts = { mediaType: 'm', sizeBytes: 7, artifactType: null, subject: null, annotations: null, now: 1, author };
  const content = { repository: 'app', blobs: [], children: [], acceptMissing: false, tags: ['x'] };
  const inBoth = (find: (store: Plain<MetadataStore>) => Promise<unknown>) => Promise.all(stores.map(find));
  const tagged = () => inBoth(async (store) => (await store.manifests.findIntactByTag('app', 'x'))?.digest);
  for (const [index, letter] of ['a', 'b', 'c', 'a', 'b', 'c'].entries()) {
    await stores[index % 2]?.manifests.put({ ...facts, ...content, digest: digest(letter) });
    expect(await tagged()).toEqual([digest(letter), digest(letter)]);
  }
  await stores[0]?.tags.remove('app', 'x', author);
  expect(await tagged()).toEqual([undefined, undefined]);
  for (const store of stores) await store.close();
});
