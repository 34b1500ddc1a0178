import { readFileSync, readdirSync } from 'node:fs';
import { MetadataError } from './store.ts';

export interface Migration {
  readonly version: number;
  readonly name: string;
  readonly sql: string;
}

/**
 * Reads the migrations of a dialect, ascending by version. In PostgreSQL replicas of an older version keep running while a newer
 * one migrates: so migrations only add, and rows that older versions write stay valid (new columns have defaults).
 */
export function loadMigrations(dialect: 'sqlite' | 'postgres'): readonly Migration[] {
  const folder = new URL(`./migrations/${dialect}/`, import.meta.url);
  return readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .sort()
    .map((name) => ({ version: Number.parseInt(name, 10), name, sql: readFileSync(new URL(name, folder), 'utf8') }));
}

/**
 * Returns the migrations that are not in `applied`, ascending. One with a lower number than an applied one may be missing,
 * if they were written on different branches. Throws `newer_schema`, with a message for operators, if a newer version has
 * migrated the database.
 */
export function missingFrom(applied: readonly number[], migrations: readonly Migration[]): readonly Migration[] {
  const found = Math.max(0, ...applied);
  const known = migrations.at(-1)?.version ?? 0;
  if (found > known) {
    const message = `the metadata store has schema version ${found}, this berth knows up to ${known}: run the berth that wrote it, or a newer one; to go back to this version, restore the backup from before the upgrade (docs/install.md, Downgrade)`;
    throw new MetadataError('newer_schema', message);
  }
  return migrations.filter(({ version }) => !applied.includes(version));
}
