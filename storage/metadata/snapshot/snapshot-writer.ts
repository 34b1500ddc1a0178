/**
 * A thread that writes the rows of a metadata store, as of one moment, into a new SQLite file. A thread, because SQLite's
 * calls do not return until they are done: requests go on meanwhile.
 */
import { readlinkSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { basename } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import type { PoolClient } from 'pg';
import { createPool } from '../postgres/pool.ts';
import { toMetadataError } from '../postgres/errors.ts';
import { connect, translating } from '../sqlite/connection.ts';
import { migrate } from '../sqlite/migrate.ts';
import { leaveReadOnly } from '../sqlite/read-only.ts';
import { MetadataError, type MetadataErrorCode } from '../store.ts';
import { emptyTables, snapshotTables } from './contents.ts';

/** Where the rows are: a SQLite file, or the URL of a PostgreSQL database. */
export type SnapshotSource = { readonly file: string } | { readonly url: string };

export interface SnapshotRequest {
  readonly source: SnapshotSource;
  /** Path of the new file. */
  readonly target: string;
}

export type SnapshotReply =
  | { readonly table: string; readonly rows: number }
  | { readonly error: { readonly code: MetadataErrorCode | undefined; readonly message: string } };

/** Rows that PostgreSQL sends at a time. */
const fetchRows = 2000;

const port = parentPort;
if (!port) throw new Error('this module is a worker thread');
const report = (reply: SnapshotReply): void => port.postMessage(reply);

/**
 * Copies the file by `VACUUM INTO`: one read transaction, which never begins again, whatever is written meanwhile (the backup API
 * of SQLite does after each commit of another connection). Then deletes what a snapshot must not contain.
 */
function copySqlite(file: string, target: string): void {
  const source = translating(file, () => new DatabaseSync(file, { readOnly: true, timeout: 10_000 }));
  try {
    translating(file, () => source.prepare('VACUUM INTO ?').run(target));
  } finally {
    source.close();
  }
  const copy = translating(target, () => new DatabaseSync(target));
  try {
    // Overwrites the deleted rows: they must not stay in free pages.
    translating(target, () => {
      copy.exec('PRAGMA secure_delete = ON; PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF');
      for (const table of emptyTables) copy.exec(`DELETE FROM ${table}`);
    });
  } finally {
    copy.close();
  }
  leaveReadOnly(target);
}

/** Copies table by table within one transaction, which sees the rows of its beginning. */
async function copyPostgres(url: string, target: string): Promise<void> {
  const empty = connect(target, { readOnly: false });
  migrate(empty);
  empty.close();
  const copy = new DatabaseSync(target, { enableForeignKeyConstraints: false });
  const pool = createPool(url, 1);
  try {
    copy.exec('PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -65536');
    const client = await pool.connect();
    try {
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
      await client.query(
        'SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL enable_seqscan = on',
      );
      const indexes = copy.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL").all();
      // A new index of all rows is made faster than one that grows row by row.
      for (const { name } of indexes) copy.exec(`DROP INDEX ${String(name)}`);
      for (const table of snapshotTables) report({ table, rows: await copyTable(client, copy, table) });
      for (const { sql } of indexes) copy.exec(String(sql));
      await client.query('COMMIT');
    } finally {
      client.release(true);
    }
  } finally {
    await pool.end();
    copy.close();
  }
}

async function copyTable(client: PoolClient, copy: DatabaseSync, table: string): Promise<number> {
  const columns = copy.prepare(`SELECT name FROM pragma_table_info('${table}')`).all();
  const names = columns.map(({ name }) => String(name));
  copy.exec(`BEGIN; DELETE FROM ${table}`);
  const insert = copy.prepare(`INSERT INTO ${table} (${names.join()}) VALUES (${names.map(() => '?').join()})`);
  await client.query(`DECLARE rows_of_table NO SCROLL CURSOR FOR SELECT ${names.join()} FROM ${table}`);
  let copied = 0;
  for (let isLast = false; !isLast;) {
    const { rows } = await client.query<(string | number | null)[]>({
      text: `FETCH ${fetchRows} FROM rows_of_table`,
      rowMode: 'array',
    });
    for (const row of rows) insert.run(...row);
    copied += rows.length;
    isLast = rows.length < fetchRows;
  }
  await client.query('CLOSE rows_of_table');
  copy.exec('COMMIT');
  return copied;
}

async function copyRows({ source, target }: SnapshotRequest): Promise<void> {
  if ('file' in source) copySqlite(source.file, target);
  else await copyPostgres(source.url, target);
}

/** Lets the threads that serve requests run first. Does nothing where threads have no priority of their own. */
function lowerPriority(): void {
  try {
    const thread = Number(basename(readlinkSync('/proc/thread-self')));
    setPriority(thread, constants.priority.PRIORITY_LOW);
  } catch {
    // Not Linux.
  }
}

lowerPriority();
copyRows(workerData as SnapshotRequest).catch((error: unknown) => {
  const translated = toMetadataError(error);
  const code = translated instanceof MetadataError ? translated.code : undefined;
  report({ error: { code, message: translated instanceof Error ? translated.message : String(translated) } });
});
