import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Digest } from '../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../src/oci/reference.ts';
import { createPostgresStore } from '../../../storage/metadata/postgres/postgres-store.ts';
import { type SnapshotSource, writeSnapshot } from '../../../storage/metadata/snapshot/snapshot.ts';
import { emptyTables } from '../../../storage/metadata/snapshot/contents.ts';
import { createSqliteStore } from '../../../storage/metadata/sqlite/sqlite-store.ts';
import { tables } from '../../../storage/metadata/tables.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { newManifest } from '../../support/new-manifest.ts';
import { createDatabase, postgresPrograms } from '../../support/postgres.ts';
import { describeWith } from '../../support/requires.ts';

const app = 'app' as RepositoryName;
const author = { actor: 'alice', address: '', at: 1 };
const digestOf = (count: number) => `sha256:${count.toString(16).padStart(64, '0')}` as Digest;

interface Opened {
  readonly store: MetadataStore;
  readonly source: SnapshotSource;
  dispose(): Promise<void>;
}

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-snapshot-'));
});
afterEach(() => rm(directory, { recursive: true }));

async function openSqlite(): Promise<Opened> {
  const file = join(directory, 'metadata.sqlite');
  const store = await createSqliteStore({ file });
  return { store, source: { file }, dispose: () => store.close() };
}

async function openPostgres(): Promise<Opened> {
  const database = await createDatabase();
  const { url } = database;
  const store = await createPostgresStore({ url, connections: 4 });
  return {
    store,
    source: { url },
    async dispose() {
      await store.close();
      await database.drop();
    },
  };
}

function testSnapshots(open: () => Promise<Opened>): void {
  let opened: Opened;
  beforeEach(async () => {
    opened = await open();
  });
  afterEach(() => opened.dispose());

  /** Pushes one manifest after another; each moves two tags in one transaction. Returns a function that ends it. */
  function pushAlways(): () => Promise<number> {
    const ending = new AbortController();
    let pushed = 0;
    const pushing = (async () => {
      while (!ending.signal.aborted) {
        const digest = digestOf(++pushed);
        const manifest = newManifest({ repository: app, digest, now: pushed, author, tags: ['one', 'two'] });
        await opened.store.manifests.put(manifest);
      }
    })();
    return async () => {
      ending.abort();
      await pushing;
      return pushed;
    };
  }

  test('a snapshot ends while commits go on, and has the rows of one moment', async () => {
    const stop = pushAlways();
    const counts: number[] = [];
    for (let round = 0; round < 3; round++) {
      const file = join(directory, `snapshot-${round}.sqlite`);
      await writeSnapshot(opened.source, file, () => undefined);
      const snapshot = new DatabaseSync(file, { readOnly: true });
      const number = (sql: string) => Number(Object.values(snapshot.prepare(sql).get() ?? {})[0]);
      expect(number("SELECT count(DISTINCT digest) FROM tags WHERE name IN ('one', 'two')")).toBeLessThanOrEqual(1);
      const manifests = number('SELECT count(*) FROM manifests');
      expect(number('SELECT count(*) FROM events')).toBe(manifests);
      expect(number('SELECT count(*) FROM blobs')).toBe(manifests);
      expect(snapshot.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' });
      expect(snapshot.prepare('PRAGMA foreign_key_check').all()).toEqual([]);
      snapshot.close();
      counts.push(manifests);
    }
    const pushed = await stop();
    expect(counts).toEqual(counts.toSorted((one, other) => one - other));
    expect(pushed).toBeGreaterThanOrEqual(counts.at(-1) ?? 0);
  }, 60_000);

  test('a snapshot has no signing key, no lease and no unfinished upload, also in its free pages', async () => {
    const event = { at: 1, actor: '', address: '', action: 'key.rotate', target: '', result: 'done' as const };
    const secret = 'PRIVATE KEY of this test';
    await opened.store.signingKeys.add({ kid: 'kid', privateKey: secret.repeat(200) }, '', 2, event);
    await opened.store.leases.take('lease', 'holder', 1, 2);
    await opened.store.uploads.create('upload', app, 'sha256', 1);
    const file = join(directory, 'snapshot.sqlite');
    await writeSnapshot(opened.source, file, () => undefined);
    expect((await readFile(file)).includes(secret)).toBe(false);
    const snapshot = new DatabaseSync(file, { readOnly: true });
    const names = snapshot.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'").all();
    // SQLite's index of texts has tables of its own.
    const ours = names.map(({ name }) => String(name)).filter((name) => !name.startsWith('catalog_texts'));
    expect(ours.sort()).toEqual(tables.map(({ name }) => name).sort());
    for (const table of ['signing_keys', 'leases', 'uploads']) {
      expect(emptyTables).toContain(table);
      expect(snapshot.prepare(`SELECT * FROM ${table}`).all()).toEqual([]);
    }
    expect(snapshot.prepare('SELECT kind FROM events').all()).toEqual([{ kind: 'key.rotate' }]);
    snapshot.close();
  });

  test('a snapshot that is ended early rejects with the reason', async () => {
    const stopping = new AbortController();
    const writing = writeSnapshot(opened.source, join(directory, 'snapshot.sqlite'), () => undefined, stopping.signal);
    stopping.abort(new Error('stopped by the test'));
    await expect(writing).rejects.toThrow('stopped by the test');
  });
}

describe('a snapshot of SQLite', () => testSnapshots(openSqlite));
describeWith(postgresPrograms, 'a snapshot of PostgreSQL', () => testSnapshots(openPostgres));
