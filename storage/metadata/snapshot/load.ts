import { existsSync, statSync } from 'node:fs';
import { type CopyToPostgres, contentTables, copyToPostgres, prepareSource } from '../transfer/transfer.ts';
import { block } from '../queries/collection/state.ts';
import { restart } from '../queries/pulls.ts';
import { record } from '../queries/steps/events.ts';
import { type Query, first, run } from '../queries/steps/query.ts';
import { type Connection, connect } from '../sqlite/connection.ts';
import { migrate } from '../sqlite/migrate.ts';
import { MetadataError } from '../store.ts';
import { snapshotTables } from './contents.ts';
import type { CopyProgress, SnapshotSource } from './snapshot.ts';

export interface LoadOptions {
  /** The SQLite file of `writeSnapshot`. It is migrated to the schema of this version. */
  readonly snapshot: string;
  /** A new SQLite file or an empty database. */
  readonly target: SnapshotSource;
  /** The backup, for the event of the restoration. */
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly onProgress: (progress: CopyProgress) => void;
}

/**
 * Copies the rows of a snapshot into an empty metadata store, in one transaction, durable once resolved. Nothing is
 * collected from then on until the block for a restore ends, and times of pulls count from now. SQLite's calls block this
 * thread: for commands. Rejects `not_empty`, and `newer_schema` if a newer berth has written the snapshot.
 */
export async function loadSnapshot({ snapshot, target, name, now, onProgress }: LoadOptions): Promise<void> {
  prepareSource(snapshot);
  const copy: Omit<CopyToPostgres, 'url'> = {
    file: snapshot,
    tables: snapshotTables,
    onProgress,
    settle: () => settle(name, now),
  };
  if ('url' in target) await copyToPostgres({ ...copy, url: target.url });
  else copyToSqlite(copy, target.file);
}

function copyToSqlite({ file, tables, onProgress, settle }: Omit<CopyToPostgres, 'url'>, target: string): void {
  refuseLeftWal(target);
  const connection = connect(target, { readOnly: false });
  try {
    migrate(connection);
    connection.execute(`ATTACH '${file.replaceAll("'", "''")}' AS snapshot`);
    connection.execute('BEGIN IMMEDIATE');
    refuseUsed(connection);
    for (const table of tables) onProgress({ table, rows: connection.drive(copyRows(table)) });
    if (settle) connection.drive(settle());
    connection.execute('COMMIT');
  } finally {
    // Rolls back what was not committed.
    connection.close();
  }
}

/** SQLite would apply changes of the lost database to the new one. */
function refuseLeftWal(file: string): void {
  const wal = `${file}-wal`;
  if (existsSync(file) || !existsSync(wal) || statSync(wal).size === 0) return;
  throw new MetadataError('not_empty', `${wal} is left from a lost database: move it away, it has the latest changes of ${file}`);
}

function refuseUsed(connection: Connection): void {
  for (const table of contentTables) {
    if (connection.drive(first(`SELECT 1 FROM main.${table} LIMIT 1`)))
      throw new MetadataError('not_empty', `the target database already has ${table}: use a new file`);
  }
}

function* copyRows(table: string): Query<number> {
  const columns = yield { sql: `SELECT name AS "name" FROM pragma_table_info('${table}')`, values: [] };
  const names = columns.map(({ name }) => String(name)).join();
  yield* run(`DELETE FROM main.${table}`);
  yield* run(`INSERT INTO main.${table} (${names}) SELECT ${names} FROM snapshot.${table}`);
  const row = yield* first<{ rows: number }>(`SELECT count(*) AS "rows" FROM main.${table}`);
  return row?.rows ?? 0;
}

/** Makes restored rows fit a later time. */
function* settle(name: string, now: number): Query<void> {
  yield* block('restore', now);
  yield* restart(now);
  // New events get ids above the newest one that was restored: no consumer may have a position beyond it.
  yield* run(
    'UPDATE event_cursors SET position = coalesce((SELECT max(id) FROM events), 0) WHERE position > coalesce((SELECT max(id) FROM events), 0)',
  );
  // An adoption that was finished begins again with the links that berth itself has written since.
  for (const table of ['adopted_links', 'adoption_oddities', 'adoption_shards', 'adoption'])
    yield* run(`DELETE FROM ${table} WHERE EXISTS (SELECT 1 FROM adoption WHERE finished_at IS NOT NULL)`);
  // Content may have been needed again after the snapshot.
  yield* run(
    'UPDATE reviews SET due_at = CAST(? AS BIGINT) + (SELECT delay_ms FROM collection WHERE id = 1) WHERE due_at <= ?',
    now,
    now,
  );
  yield* record({ at: now, actor: 'command line', address: '', action: 'backup.restore', target: name, result: 'done' });
}
