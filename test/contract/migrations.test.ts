import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { loadMigrations } from '../../storage/metadata/migrations.ts';
import { createPostgresStore } from '../../storage/metadata/postgres/postgres-store.ts';
import { createSqliteStore } from '../../storage/metadata/sqlite/sqlite-store.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import { createDatabase, postgresPrograms } from '../support/postgres.ts';
import { describeWith } from '../support/requires.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-migrations-'));
});
afterEach(() => rm(directory, { recursive: true }));

test('a migration that comes after one with a higher number is applied too', async () => {
  const file = join(directory, 'metadata.sqlite');
  await (await createSqliteStore({ file })).close();
  const database = new DatabaseSync(file);
  const tables = () => database.prepare("SELECT count(*) AS found FROM sqlite_master WHERE name = 'mirrored_pins'").get();
  database.exec("DROP TABLE mirrored_pins; DELETE FROM schema_migrations WHERE name = '0006-mirror-pins.sql'");
  expect(tables()).toEqual({ found: 0 });
  await (await createSqliteStore({ file })).close();
  expect(tables()).toEqual({ found: 1 });
  database.close();
});

/** Statements that bring a database to the schema of the version before events. */
function schemaBeforeEvents(dialect: 'sqlite' | 'postgres'): string {
  const migrations = loadMigrations(dialect);
  const before = migrations.slice(
    0,
    migrations.findIndex(({ name }) => name.endsWith('-events.sql')),
  );
  const applied = before.map(({ version, name }) => `(${version}, '${name}')`).join(', ');
  return [
    'CREATE TABLE schema_migrations (version BIGINT PRIMARY KEY, name TEXT NOT NULL);',
    ...before.map(({ sql }) => sql),
    `INSERT INTO schema_migrations (version, name) VALUES ${applied};`,
  ].join('\n');
}

const digest = `sha256:${'a'.repeat(64)}`;
const detail = JSON.stringify({ digest, tags: [{ name: '1', before: null }] });

/** As the version before events writes a line of the audit log. */
const lineOf = (at: number) => `INSERT INTO audit_events (at, actor, address, action, target, result, detail)
  VALUES (${at}, 'alice', '10.0.0.1', 'manifest.push', 'app', 'done', '${detail}')`;

/** Expects a line from before the migration, and one that an older replica has written since. */
async function expectBothLines(store: MetadataStore): Promise<void> {
  const line = { actor: 'alice', address: '10.0.0.1', action: 'manifest.push', target: 'app', result: 'done', detail };
  const lines = await store.audit.list({ target: 'app' }, Number.MAX_SAFE_INTEGER, 10);
  expect(lines).toEqual([2, 1].map((at) => ({ id: expect.any(Number), at, ...line })));
  const events = await store.events.list(0, Number.MAX_SAFE_INTEGER, 10);
  const content = { repository: 'app', digest, tags: [{ name: '1', before: null }] };
  expect(events.map((event) => event.content)).toEqual([content, content]);
}

describe('the audit log of an older version becomes events, also what that version goes on writing', () => {
  test('in SQLite', async () => {
    const file = join(directory, 'metadata.sqlite');
    const database = new DatabaseSync(file);
    database.exec(schemaBeforeEvents('sqlite').replace('version BIGINT', 'version INTEGER'));
    database.exec(lineOf(1));
    const store = await createSqliteStore({ file });
    database.exec(lineOf(2));
    database.close();
    await expectBothLines(store);
    await store.close();
  });

  describeWith(postgresPrograms, 'and', () => {
    test('in PostgreSQL', async () => {
      const database = await createDatabase();
      await database.execute(schemaBeforeEvents('postgres'));
      await database.execute(lineOf(1));
      const store = await createPostgresStore({ url: database.url, connections: 2 });
      await database.execute(lineOf(2));
      await expectBothLines(store);
      await store.close();
      await database.drop();
    });
  });
});
