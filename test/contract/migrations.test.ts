import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createSqliteStore } from '../../storage/metadata/sqlite/sqlite-store.ts';

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
