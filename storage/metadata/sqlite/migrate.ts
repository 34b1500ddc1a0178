import { loadMigrations, newerSchemaMessage } from '../migrations.ts';
import { first, run } from '../query.ts';
import { MetadataError } from '../store.ts';
import type { Connection } from './connection.ts';

/** Brings the schema up to date in one transaction that excludes every other process. Throws `newer_schema`. */
export function migrate(connection: Connection): void {
  connection.execute('BEGIN IMMEDIATE');
  try {
    connection.execute('CREATE TABLE IF NOT EXISTS schema_migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT');
    applyMissing(connection);
    connection.execute('COMMIT');
  } catch (error) {
    connection.execute('ROLLBACK');
    throw error;
  }
}

function applyMissing(connection: Connection): void {
  const migrations = loadMigrations('sqlite');
  const known = migrations.at(-1)?.version ?? 0;
  const row = connection.drive(first<{ version: number | null }>('SELECT max(version) AS version FROM schema_migrations'));
  const found = row?.version ?? 0;
  if (found > known) throw new MetadataError('newer_schema', newerSchemaMessage(found, known));
  for (const { version, name, sql } of migrations) {
    if (version <= found) continue;
    connection.execute(sql);
    connection.drive(run('INSERT INTO schema_migrations (version, name) VALUES (?, ?)', version, name));
  }
}
