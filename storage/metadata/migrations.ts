import { readFileSync, readdirSync } from 'node:fs';

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

/** What an operator reads when an older berth meets a database that a newer one has migrated. */
export function newerSchemaMessage(found: number, known: number): string {
  return `the metadata store has schema version ${found}, this berth knows up to ${known}: run the berth that wrote it, or a newer one`;
}
