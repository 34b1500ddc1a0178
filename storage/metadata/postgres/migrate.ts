import type { Pool, PoolClient } from 'pg';
import { type Migration, loadMigrations, missingFrom } from '../migrations.ts';
import { all, first, run } from '../queries/steps/query.ts';
import { drive } from './drive.ts';
import { asking } from './errors.ts';

/** Advisory lock of migrations, different from that of writers: one process migrates, the others wait and find nothing to do. */
const migrationsLock = 7_216_340_582;

/**
 * Applies the missing migrations, each in its own transaction. Replicas of an older version keep running: migrations only add
 * (see `migrations.ts`). A migration fails if it waits too long for their transactions, so that they do not queue behind it; the
 * next start tries again. Throws `newer_schema`, `unavailable`.
 */
export async function migrate(pool: Pool): Promise<void> {
  const client = await asking(() => pool.connect());
  try {
    await asking(() => client.query('SET statement_timeout = 0; SET lock_timeout = 0'));
    await asking(() => client.query(`SELECT pg_advisory_lock(${migrationsLock})`));
    await asking(() => client.query("SET lock_timeout = '5s'"));
    await applyMissing(client);
  } finally {
    client.release(true); // closes the connection, which releases the lock and the settings
  }
}

async function applyMissing(client: PoolClient): Promise<void> {
  const applied = await appliedTo(client);
  for (const migration of missingFrom(applied, loadMigrations('postgres'))) await apply(client, migration);
}

async function appliedTo(client: PoolClient): Promise<readonly number[]> {
  const table = await drive(client, first<{ name: string | null }>(`SELECT to_regclass('schema_migrations')::text AS "name"`));
  if (table?.name == null) {
    await asking(() => client.query('CREATE TABLE schema_migrations (version BIGINT PRIMARY KEY, name TEXT NOT NULL)'));
    return [];
  }
  const rows = await drive(client, all<{ version: number }>('SELECT version FROM schema_migrations'));
  return rows.map(({ version }) => version);
}

async function apply(client: PoolClient, { version, name, sql }: Migration): Promise<void> {
  await asking(() => client.query(`BEGIN;\n${sql}`));
  await drive(client, run('INSERT INTO schema_migrations (version, name) VALUES (?, ?)', version, name));
  await asking(() => client.query('COMMIT'));
}
