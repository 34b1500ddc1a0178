import { loadMigrations, missingFrom } from '../migrations.ts';
import { all, run } from '../queries/steps/query.ts';
import type { Connection } from './connection.ts';

/** Applies the missing migrations in one transaction, while no other process can write. Throws `newer_schema`. */
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
  const applied = connection.drive(all<{ version: number }>('SELECT version FROM schema_migrations'));
  const versions = applied.map(({ version }) => version);
  for (const { version, name, sql } of missingFrom(versions, loadMigrations('sqlite'))) {
    connection.execute(sql);
    connection.drive(run('INSERT INTO schema_migrations (version, name) VALUES (?, ?)', version, name));
  }
}
