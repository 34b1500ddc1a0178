import { DatabaseSync } from 'node:sqlite';
import type { Digest } from '../../../src/oci/digest.ts';
import type { PoolClient } from 'pg';
import { drive } from '../postgres/drive.ts';
import { createPool } from '../postgres/pool.ts';
import { migrate } from '../postgres/migrate.ts';
import type { Query } from '../queries/steps/query.ts';
import { migrate as migrateSqlite } from '../sqlite/migrate.ts';
import { connect } from '../sqlite/connection.ts';
import { MetadataError } from '../store.ts';
import { tables } from '../tables.ts';

/** Largest number of values in a statement; PostgreSQL allows 65,535. */
const maxValues = 30_000;

export interface MoveProgress {
  readonly table: string;
  readonly rows: number;
}

export interface BlobRow {
  readonly digest: Digest;
  readonly sizeBytes: number;
}

export interface Totals {
  readonly blobs: number;
  readonly bytes: number;
}

/** Returns the number and size of all blobs and manifests. Counts rows: not for a request. */
export function blobTotals(file: string): Totals {
  return within(file, (source) => {
    const row = source.prepare('SELECT count(*) AS blobs, COALESCE(sum(size_bytes), 0) AS bytes FROM blobs').get();
    return { blobs: Number(row?.['blobs']), bytes: Number(row?.['bytes']) };
  });
}

/**
 * Yields blobs and manifests recorded since `since` (milliseconds since 1970), by digest. Reads pages, so that a running
 * berth can write.
 */
export function* blobsOf(file: string, since: number): Generator<BlobRow> {
  let after = '';
  for (;;) {
    const page = within(file, (source) =>
      source
        .prepare('SELECT digest, size_bytes FROM blobs WHERE digest > ? AND created_at >= ? ORDER BY digest LIMIT 1000')
        .all(after, since),
    );
    for (const row of page) yield { digest: row['digest'] as Digest, sizeBytes: Number(row['size_bytes']) };
    if (page.length === 0) return;
    after = String(page.at(-1)?.['digest']);
  }
}

/** True if the blob or manifest is recorded. */
export function isRecorded(file: string, digest: Digest): boolean {
  return within(file, (source) => source.prepare('SELECT 1 FROM blobs WHERE digest = ?').get(digest) !== undefined);
}

function within<Result>(file: string, work: (source: DatabaseSync) => Result): Result {
  const source = new DatabaseSync(file, { readOnly: true });
  try {
    return work(source);
  } finally {
    source.close();
  }
}

/** Applies the missing migrations to the SQLite file: source and target of a transfer must have the same schema. */
export function prepareSource(file: string): void {
  const connection = connect(file, { readOnly: false });
  try {
    migrateSqlite(connection);
  } finally {
    connection.close();
  }
}

/**
 * Copies the transferred tables of the SQLite file into an empty PostgreSQL database, in one transaction, durable once resolved.
 * The file must not change meanwhile. Rejects `not_empty` if the database has repositories or accounts.
 */
export async function moveMetadata(file: string, url: string, onProgress: (progress: MoveProgress) => void): Promise<void> {
  const transferredTables = tables.filter(({ isTransferred }) => isTransferred).map(({ name }) => name);
  await copyToPostgres({ file, url, tables: transferredTables, onProgress });
}

export interface CopyToPostgres {
  /** The SQLite file, with the schema of this version. It must not change meanwhile. */
  readonly file: string;
  readonly url: string;
  /** A table comes after those that it references. */
  readonly tables: readonly string[];
  readonly onProgress: (progress: MoveProgress) => void;
  /** Runs after the copy in the same transaction. */
  readonly settle?: () => Query<void>;
}

/** Copies tables into an empty PostgreSQL database, in one transaction. Rejects as `moveMetadata` does. */
export async function copyToPostgres({ file, url, tables, onProgress, settle }: CopyToPostgres): Promise<void> {
  const source = new DatabaseSync(file, { readOnly: true });
  const pool = createPool(url, 2);
  try {
    await migrate(pool);
    const client = await pool.connect();
    try {
      await client.query('BEGIN; SET LOCAL statement_timeout = 0');
      await refuseUsed(client);
      for (const table of tables) onProgress({ table, rows: await copyTable(source, client, table) });
      if (settle) await drive(client, settle());
      await client.query('COMMIT');
    } finally {
      client.release(true);
    }
  } finally {
    source.close();
    await pool.end();
  }
}

/** Tables with rows in every database that is in use. */
export const contentTables: readonly string[] = ['repositories', 'accounts', 'blobs'];

async function refuseUsed(client: PoolClient): Promise<void> {
  for (const table of contentTables) {
    const { rowCount } = await client.query(`SELECT 1 FROM ${table} LIMIT 1`);
    if ((rowCount ?? 0) > 0) {
      throw new MetadataError('not_empty', `the target database already has ${table}: use an empty database`);
    }
  }
}

/** Copies a table; deletes rows that migrations have inserted. Returns the number of rows. */
async function copyTable(source: DatabaseSync, client: PoolClient, table: string): Promise<number> {
  const columns = source
    .prepare(`PRAGMA table_info(${table})`)
    .all()
    .map(({ name }) => String(name));
  await client.query(`DELETE FROM ${table}`);
  let copied = 0;
  for (const batch of batches(source, table, Math.floor(maxValues / columns.length))) {
    const places = batch.map(
      (_row, row) => `(${columns.map((_name, column) => `$${row * columns.length + column + 1}`).join()})`,
    );
    const values = batch.flatMap((row) => columns.map((column) => row[column]));
    await client.query(`INSERT INTO ${table} (${columns.join()}) VALUES ${places.join()}`, values);
    copied += batch.length;
  }
  await continueIds(client, table);
  return copied;
}

function* batches(source: DatabaseSync, table: string, size: number): Generator<Record<string, unknown>[]> {
  let batch: Record<string, unknown>[] = [];
  for (const row of source.prepare(`SELECT * FROM ${table}`).iterate()) {
    if (batch.push(row) < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/** Makes the database continue its ids above the copied ones. */
async function continueIds(client: PoolClient, table: string): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    'SELECT column_name AS name FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = $1 AND is_identity = $2',
    [table, 'YES'],
  );
  for (const { name } of rows) {
    const next = `(SELECT COALESCE(max(${name}), 0) + 1 FROM ${table})`;
    await client.query(`SELECT setval(pg_get_serial_sequence('${table}', '${name}'), ${next}, false)`);
  }
}
