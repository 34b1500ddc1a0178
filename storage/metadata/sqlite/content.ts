import { stat } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { translating } from './connection.ts';

/** The content of a database file before berth opens it, which can create or change it. */
export type DatabaseContent =
  /** It has records of content, or a -wal file with changes, which can be read only by opening the database. */
  | 'some'
  /** It has the tables of berth, but no records of content. */
  | 'none'
  /** It has no tables, as a new file whose -wal file was lost. */
  | 'no tables'
  | 'empty file'
  | 'no file';

/** Reads the SQLite file without changing it. Rejects `damaged`. */
export async function contentOf(file: string): Promise<DatabaseContent> {
  const sizeBytes = await sizeOf(file);
  if (sizeBytes === undefined) return 'no file';
  if (((await sizeOf(`${file}-wal`)) ?? 0) > 0) return 'some';
  if (sizeBytes === 0) return 'empty file';
  return translating(file, () => readContent(file));
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function readContent(file: string): DatabaseContent {
  // `immutable`: SQLite creates neither a -wal nor a -shm file.
  const url = new URL(`${pathToFileURL(file).href}?immutable=1`);
  const database = new DatabaseSync(url, { readOnly: true });
  try {
    const hasTables = database.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'blobs'").get();
    if (!hasTables) return 'no tables';
    return database.prepare('SELECT 1 FROM blobs LIMIT 1').get() ? 'some' : 'none';
  } finally {
    database.close();
  }
}
