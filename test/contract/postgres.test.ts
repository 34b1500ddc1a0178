import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { createPostgresStore } from '../../storage/metadata/postgres/postgres-store.ts';
import { createEventReader } from '../../src/events/event-reader.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import { type Database, createDatabase, postgresPrograms } from '../support/postgres.ts';
import { describeWith } from '../support/requires.ts';
import { until } from '../support/until.ts';
import { describeMetadataStore } from './metadata-store.ts';
import { type Plain, plain } from '../support/plain.ts';

const open = ({ url }: Database) => createPostgresStore({ url, connections: 5 });

let database: Database;
let store: Plain<MetadataStore>;

/** Gives each test of the describe a database of its own. */
function useDatabase(): void {
  beforeEach(async () => {
    database = await createDatabase();
    store = plain(await open(database));
  });
  afterEach(async () => {
    await store.close();
    await database.drop();
  });
}

const breakConnections = () =>
  database.execute(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'berth' AND datname = current_database()",
  );

function testConnections(): void {
  describe('connections to PostgreSQL', () => {
    useDatabase();

    test('replicas that start at the same time on an empty database migrate it once', async () => {
      const empty = await createDatabase();
      const stores = await Promise.all([open(empty), open(empty), open(empty), open(empty)]);
      const versions = await empty.execute('SELECT version FROM schema_migrations ORDER BY version');
      expect(versions[0]).toEqual({ version: '1' });
      await Promise.all(stores.map((one) => one.close()));
      await empty.drop();
    });

    test('broken idle connections are opened again without an error', async () => {
      for (let round = 0; round < 5; round++) {
        await store.uploads.create(`u${round}`, 'app', 'sha256', 1);
        await breakConnections();
        expect((await store.uploads.find(`u${round}`))?.id).toBe(`u${round}`);
      }
    });

    test('every acknowledged write is stored and none by halves although connections break under load', async () => {
      const digest = (index: number) => `sha256:${index.toString(16).padStart(64, '0')}`;
      const done = new AbortController();
      const breaking = (async () => {
        while (!done.signal.aborted) await breakConnections();
      })();
      const outcomes = await Promise.allSettled(
        Array.from({ length: 200 }, (_, index) => store.blobs.commit('app', digest(index), 1, '', 1)),
      );
      done.abort();
      await breaking;
      for (const [index, { status }] of outcomes.entries()) {
        const link = await store.blobs.findLink('app', digest(index));
        if (status === 'fulfilled') expect(link).toEqual({ sizeBytes: 1 });
      }
      const failures = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []));
      for (const failure of failures) expect(failure).toMatchObject({ code: 'unavailable' });
      expect(await database.execute('SELECT digest FROM blobs WHERE digest NOT IN (SELECT digest FROM links)')).toEqual([]);
    });

    test('a single connection serves reads and writes', async () => {
      const single = plain(await createPostgresStore({ url: database.url, connections: 1 }));
      await single.uploads.create('u', 'app', 'sha256', 1);
      expect((await single.uploads.find('u'))?.id).toBe('u');
      await single.close();
    });

    test('a database that is down is unavailable and never an empty result', async () => {
      await database.drop();
      await expect(store.blobs.findLink('app', 'x')).rejects.toMatchObject({ code: 'unavailable' });
      await expect(store.uploads.create('u', 'app', 'sha256', 1)).rejects.toMatchObject({ code: 'unavailable' });
      await expect(store.check()).rejects.toMatchObject({ code: 'unavailable' });
    });

    test('a start reports a server that does not answer', async () => {
      await expect(createPostgresStore({ url: 'postgres://nobody@127.0.0.1:1/none', connections: 1 })).rejects.toMatchObject({
        code: 'unavailable',
      });
    });
  });
}

function testLocks(): void {
  describe('locks in PostgreSQL', () => {
    useDatabase();

    test('evict waits for who counts before it takes what is counted', async () => {
      const digest = `sha256:${'a'.repeat(64)}`;
      const holder = { repository: 'docker.io/library/a', upstream: 'docker.io', byLogin: false };
      await store.mirroredContent.recordBlob([holder], digest, 5, 1);
      const other = new pg.Client(database.url);
      await other.connect();
      try {
        await other.query('BEGIN');
        await other.query('UPDATE mirrored_size SET content_bytes = content_bytes');
        const written = store.mirrorSpace.evict(digest, 2);
        const waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        await until(async () => (await database.execute(waiting)).length > 0);
        await other.query("SET LOCAL lock_timeout = '1ms'");
        await other.query('UPDATE mirrored_content SET used_at = 3');
        await other.query('COMMIT');
        await written;
      } finally {
        await other.end();
      }
    });

    test('a push locks its tags in one order', async () => {
      const manifest = {
        repository: 'app',
        digest: `sha256:${'a'.repeat(64)}`,
        mediaType: 'm',
        sizeBytes: 1,
        artifactType: null,
        subject: null,
        annotations: null,
        blobs: [],
        children: [],
        acceptMissing: false,
        now: 1,
        author: { actor: '', address: '', at: 1 },
      };
      await store.manifests.put({ ...manifest, tags: ['a', 'b'] });
      const other = new pg.Client(database.url);
      await other.connect();
      try {
        await other.query('BEGIN');
        await other.query("UPDATE tags SET updated_at = 2 WHERE name = 'b'");
        const pushed = store.manifests.put({ ...manifest, tags: ['b', 'a'] });
        const free = "SELECT name FROM tags WHERE name = 'a' FOR UPDATE SKIP LOCKED";
        await until(async () => (await database.execute(free)).length === 0);
        await other.query('COMMIT');
        await pushed;
      } finally {
        await other.end();
      }
    });

    test('a reader of events waits for a transaction that took a smaller id and has not committed', async () => {
      const other = new pg.Client(database.url);
      await other.connect();
      try {
        // As a concurrent write does it: the shared lock of writers, then the event.
        await other.query('BEGIN');
        await other.query('SELECT pg_advisory_xact_lock_shared(7216340581)');
        const event = "(at, actor, address, kind, target, result) VALUES (1, '', '', 'first', '', 'done')";
        await other.query(`INSERT INTO events ${event}`);
        const second = { at: 2, actor: '', address: '', action: 'second', target: '', result: 'done' } as const;
        await store.audit.record([second]);
        const kinds = (events: readonly { readonly kind: string }[]) => events.map(({ kind }) => kind);
        expect(kinds(await store.events.list(0, Number.MAX_SAFE_INTEGER, 10))).toEqual(['second']);

        const reading = createEventReader(store.events)(0, 10);
        const waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        await until(async () => (await database.execute(waiting)).length === 1);
        await other.query('COMMIT');
        expect(kinds(await reading)).toEqual(['first', 'second']);
      } finally {
        await other.end();
      }
    });

    test('reads continue while writes on all connections wait for a lock', async () => {
      const other = new pg.Client(database.url);
      await other.connect();
      try {
        await other.query('BEGIN');
        await other.query('LOCK TABLE uploads IN EXCLUSIVE MODE');
        const writes = Array.from({ length: 5 }, (_, index) => store.uploads.create(`u${index}`, 'app', 'sha256', 1));
        const waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        await until(async () => (await database.execute(waiting)).length >= 3);
        expect(await store.uploads.find('u0')).toBeUndefined();
        await other.query('COMMIT');
        await Promise.all(writes);
      } finally {
        await other.end();
      }
    });
  });
}

describeWith(postgresPrograms, 'PostgreSQL', () => {
  let shared: Database;
  beforeAll(async () => {
    shared = await createDatabase();
    await (await open(shared)).close();
    await shared.remember();
  });
  afterAll(() => shared.drop());

  describeMetadataStore('postgres', async () => ({
    store: await open(shared),
    reopen: () => open(shared),
    pretendNewer: async () => {
      await shared.execute("INSERT INTO schema_migrations (version, name) VALUES (9999, 'future')");
    },
    dispose: () => shared.reset(),
  }));

  testConnections();
  testLocks();
});
