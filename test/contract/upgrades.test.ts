import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { loadMigrations } from '../../storage/metadata/migrations.ts';
import { createSqliteStore } from '../../storage/metadata/sqlite/sqlite-store.ts';
import { adminPassword, admin, basic } from '../support/access.ts';
import { startBerth } from '../support/berth.ts';
import { call } from '../support/call.ts';
import { postgresSettings } from '../support/metadata.ts';
import { createDatabase, postgresPrograms } from '../support/postgres.ts';
import { describeWith } from '../support/requires.ts';

/**
 * Metadata that earlier versions wrote: they stored the image `team/app` with two tags, and most of them the user alice. The name
 * of a file is the last migration of its version; that of 0.2.0 is 0040.
 */
const folder = join(import.meta.dirname, 'old-stores');
const sqlIn = (path: string) =>
  readdirSync(path)
    .filter((name) => name.endsWith('.sql'))
    .sort();
const oldStores = sqlIn(folder);
/** The same of PostgreSQL, by `pg_dump --inserts`; 0.2.0 took them over from SQLite and wrote some rows of its own. */
const oldDatabases = sqlIn(join(folder, 'postgres'));
const textOf = (name: string) => readFileSync(join(folder, name), 'utf8');
const passwordIn = (dump: string) => /^-- The password of alice: (\S+)/.exec(dump)?.[1];

const digestOf = (bytes: string) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const layer = 'the layer of an older version\n';
const config = JSON.stringify({
  architecture: 'amd64',
  os: 'linux',
  config: {},
  rootfs: { type: 'layers', diff_ids: [digestOf(layer)] },
});
const manifestType = 'application/vnd.oci.image.manifest.v1+json';
const manifest = JSON.stringify({
  schemaVersion: 2,
  mediaType: manifestType,
  config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: digestOf(config), size: config.length },
  layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: digestOf(layer), size: layer.length }],
});

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-upgrade-'));
});
afterEach(() => rm(directory, { recursive: true }));

/** Writes the data folder of an earlier version. */
async function writeStore(dump: string): Promise<void> {
  const file = join(directory, 'metadata.sqlite');
  const database = new DatabaseSync(file, { enableForeignKeyConstraints: false });
  database.exec(dump);
  database.close();
  await writeBlobs();
}

async function writeBlobs(): Promise<void> {
  for (const bytes of [layer, config, manifest]) {
    const hash = digestOf(bytes).slice('sha256:'.length);
    const file = join(directory, 'docker/registry/v2/blobs/sha256', hash.slice(0, 2), hash, 'data');
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, bytes);
  }
}

/** Starts berth with an old store, and expects its image and its user. */
async function expectUpgrade(dump: string, settings: Readonly<Record<string, string>>): Promise<void> {
  const berth = await startBerth({
    BERTH_STORAGE_BLOBS_DIRECTORY: directory,
    BERTH_ACCESS_MODE: 'token',
    BERTH_ACCESS_ADMIN_PASSWORD: adminPassword,
    ...settings,
  });
  try {
    const get = async (path: string) => (await call(berth, 'GET', `/v2/team/app${path}`, { headers: admin })).body.toString();
    for (const tag of ['1.0', 'latest']) expect(await get(`/manifests/${tag}`)).toBe(manifest);
    for (const bytes of [layer, config]) expect(await get(`/blobs/${digestOf(bytes)}`)).toBe(bytes);
    const headers = { ...admin, 'Content-Type': manifestType };
    const pushed = await call(berth, 'PUT', '/v2/team/app/manifests/2.0', { headers, body: manifest });
    expect(pushed.status).toBe(201);
    expect(JSON.parse(await get('/tags/list'))).toEqual({ name: 'team/app', tags: ['1.0', '2.0', 'latest'] });
    expect((await call(berth, 'DELETE', '/v2/team/app/manifests/1.0', { headers: admin })).status).toBe(202);
    const password = passwordIn(dump);
    const login = password === undefined ? admin : basic('alice', password);
    expect((await call(berth, 'GET', '/v2/', { headers: login })).status).toBe(200);
  } finally {
    await berth.close();
  }
}

describe('an upgrade', () => {
  test.each(oldStores)('of the store of %s keeps images and accounts, and takes new images', async (name) => {
    const dump = textOf(name);
    await writeStore(dump);
    await expectUpgrade(dump, { BERTH_STORAGE_METADATA_DRIVER: 'sqlite' });
  });

  test.each(oldStores)('leaves the newest schema valid for rows that the version of %s writes', async (name) => {
    await writeStore(textOf(name));
    const file = join(directory, 'newest.sqlite');
    await (await createSqliteStore({ file })).close();
    const database = new DatabaseSync(file, { enableForeignKeyConstraints: false });
    database.exec(`ATTACH '${join(directory, 'metadata.sqlite')}' AS older`);
    const namesOf = (sql: string) =>
      database
        .prepare(sql)
        .all()
        .map((row) => String(row['name']));
    // The index of texts is written by the triggers of the catalog.
    const tables = namesOf(
      "SELECT name FROM pragma_table_list WHERE schema = 'older' AND type = 'table' AND name NOT LIKE 'sqlite%'",
    );
    for (const table of tables.filter((table) => table !== 'schema_migrations')) {
      const columns = namesOf(`SELECT name FROM pragma_table_info('${table}', 'older')`).join(', ');
      database.exec(`INSERT OR IGNORE INTO main.${table} (${columns}) SELECT ${columns} FROM older.${table}`);
    }
    const tags =
      "SELECT name FROM main.tags WHERE repository_id = (SELECT id FROM main.repositories WHERE name = 'team/app') ORDER BY name";
    expect(namesOf(tags)).toEqual(['1.0', 'latest']);
    database.close();
  });
});

describeWith(postgresPrograms, 'an upgrade over PostgreSQL', () => {
  test.each(oldDatabases)('of the store of %s keeps images and accounts, and takes new images', async (name) => {
    const dump = textOf(`postgres/${name}`);
    const { url, execute, drop } = await createDatabase();
    try {
      await execute(dump);
      await writeBlobs();
      await expectUpgrade(dump, postgresSettings(url));
      // The schema of each migration is there, beside the rows that 0.2.0 wrote.
      const [applied] = await execute('SELECT count(*)::int AS count FROM schema_migrations');
      expect(applied?.['count']).toBe(loadMigrations('postgres').length);
    } finally {
      await drop();
    }
  });
});

/** Returns what the first lines of a migration say about its time: `-- Contracts: unused since 1.2.0`. */
const unusedSince = (sql: string) => /^-- Contracts: unused since (\d+\.\d+\.\d+)$/m.exec(sql)?.[1];
/** Replicas of the version before run on while a migration is applied, and afterwards until they are replaced. */
const breaksOlder =
  /\bDROP\s+(?:TABLE|COLUMN|VIEW|TRIGGER)\b|\bRENAME\b|\bALTER\s+COLUMN\b|\bADD\s+COLUMN\b(?![^;]*\bDEFAULT\b)[^;]*\bNOT\s+NULL\b/i;

test.each(['sqlite', 'postgres'] as const)('a migration of %s takes away only what the release before did not use', (dialect) => {
  // It keeps the old name as a view, with triggers for what older replicas write.
  const keepsTheOldName = '0018-events.sql';
  const released = [...readFileSync(join(folder, '../../../CHANGELOG.md'), 'utf8').matchAll(/^## (\d+\.\d+\.\d+)/gm)];
  const breaking = loadMigrations(dialect).filter(({ name, sql }) => breaksOlder.test(sql) && name !== keepsTheOldName);
  for (const { name, sql } of breaking)
    expect([name, released.map(([, version]) => version)]).toEqual([name, expect.arrayContaining([unusedSince(sql)])]);
});

test('the check of migrations finds what breaks an older replica', () => {
  const breaking = [
    'DROP TABLE a',
    'ALTER TABLE a RENAME TO b',
    'ALTER TABLE a ADD COLUMN b TEXT NOT NULL',
    'ALTER TABLE a ALTER COLUMN b TYPE c',
  ];
  for (const sql of breaking) expect(sql).toMatch(breaksOlder);
  expect('ALTER TABLE a ADD COLUMN b TEXT NOT NULL DEFAULT 0').not.toMatch(breaksOlder);
});
