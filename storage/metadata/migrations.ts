import { readFileSync, readdirSync } from 'node:fs';
import { MetadataError } from './store.ts';

export interface Migration {
  readonly version: number;
  readonly name: string;
  readonly sql: string;
}

/**
 * The migrations of a dialect, ascending by version. Read once, at start. In PostgreSQL replicas of an older berth run on
 * while a newer one migrates: a migration only adds, and what older ones write stays valid (new columns have defaults).
 */
export function loadMigrations(dialect: 'sqlite' | 'postgres'): readonly Migration[] {
  const folder = new URL(`./migrations/${dialect}/`, import.meta.url);
  return readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .sort()
    .map((name) => ({ version: Number.parseInt(name, 10), name, sql: readFileSync(new URL(name, folder), 'utf8') }));
}

/**
 * What a database lacks that has `applied`, ascending. A migration may come after one with a higher number: each is
 * written on a branch of its own. Throws `newer_schema`, with what an operator reads when an older berth meets a database
 * that a newer one has migrated.
 */
export function missingFrom(applied: readonly number[], migrations: readonly Migration[]): readonly Migration[] {
  const found = Math.max(0, ...applied);
  const known = migrations.at(-1)?.version ?? 0;
  if (found > known) {
    const message = `the metadata store has schema version ${found}, this berth knows up to ${known}: run the berth that wrote it, or a newer one`;
    throw new MetadataError('newer_schema', message);
  }
  return migrations.filter(({ version }) => !applied.includes(version));
}
