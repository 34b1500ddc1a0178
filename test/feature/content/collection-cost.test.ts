import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { loadConfig } from '../../../config/load.ts';
import { openBlobStore } from '../../../src/assembly/blob-store.ts';
import { stepReviews } from '../../../src/maintenance/collect/collector.ts';
import { stepRows } from '../../../src/maintenance/quotas/counter.ts';
import { createUsageCounter } from '../../../src/maintenance/usage/usage-counter.ts';
import type { Digest } from '../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../src/oci/reference.ts';
import { loadMigrations } from '../../../storage/metadata/migrations.ts';
import type { Query, Row } from '../../../storage/metadata/queries/steps/query.ts';
import { loadSubjects } from '../../../storage/metadata/queries/subjects.ts';
import { createSqliteStore } from '../../../storage/metadata/sqlite/sqlite-store.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { fillRegistry } from '../../support/large-registry.ts';
import { isLong } from '../../support/long.ts';
import { plain } from '../../support/plain.ts';

const subjects = plain(await loadSubjects());
const author = { actor: 'alice', address: '', at: 1 };
const content = (digest: string) => ({ digest, sizeBytes: 1 });
const manifest = {
  repository: 'app',
  mediaType: 'm',
  sizeBytes: 1,
  artifactType: null,
  subject: null,
  annotations: null,
  blobs: [content('d6000'), content('d7000')],
  children: [],
  acceptMissing: false,
  now: 1,
  author,
};
const purges = ['e1', 'e2'].map((digest) => ({ digest, mayReturn: false }));

/** What changes content and can leave something unneeded, one transaction after the other. */
const events: Readonly<Record<string, () => readonly Query<unknown>[]>> = {
  'push a layer': () => [
    subjects.claims.take('new', 'writer', 1, 2),
    subjects.blobs.commit('app', 'new', 1, 'upload', 1, 'writer'),
  ],
  'push an image': () => [subjects.manifests.put({ ...manifest, digest: 'new', tags: ['new'] })],
  'move a tag': () => [
    subjects.manifests.put({ ...manifest, digest: 'one', tags: ['new'] }),
    subjects.manifests.put({ ...manifest, digest: 'other', tags: ['new'] }),
  ],
  'mount a layer': () => [subjects.blobs.mount('app', 'other', 'd5000', author)],
  'ask for a layer with HEAD': () => [subjects.reviews.findBlob('app', 'e5', 1), subjects.reviews.postpone('app', 'e5', 1)],
  'delete an image, and end its time in the trash': () => [
    subjects.deletions.put({
      repository: 'app',
      digest: 'd500',
      windowMilliseconds: 1,
      reason: '',
      cause: 'delete',
      author,
    }),
    subjects.trash.purge(10, 50),
  ],
};

/** One step of background work, with the number of reviews, contents or rows that it may handle. */
const steps: Readonly<Record<string, readonly [limit: number, queries: () => readonly Query<unknown>[]]>> = {
  'the collector decides about links': [stepReviews, () => [decide()]],
  'the collector decides about bytes': [stepReviews, () => [subjects.reviews.addForBytes(unrecorded, 0), decide()]],
  'the collector ends deletions': [purges.length, () => [subjects.collection.finishPurges('p', purges, 1, 1)]],
  'the audit reads links': [500, () => [audit('links', 1)]],
  'the audit reads blobs': [500, () => [audit('blobs', 0)]],
  'a new quota is counted': [
    stepRows,
    () => [
      subjects.quotaRules.configure([{ name: 'all', match: ['**'], per: 'all', maxBytes: null, maxTags: null }]),
      subjects.quotaCounting.step(stepRows),
    ],
  ],
  'sizes are summed': [100, () => [subjects.usageCounting.sumContents(1, 'd5', 100)]],
};

/** Steps of background work that find nothing to do. */
const idleSteps: Readonly<Record<string, () => readonly Query<unknown>[]>> = {
  'the collector has nothing due': () => [subjects.collection.step({ now: 0, limit: stepReviews, purger: 'p', until: 1 })],
  'nothing in the trash is due': () => [subjects.trash.purge(0, 50)],
  'all quotas are counted': () => [subjects.quotaCounting.isNeeded()],
};

const unrecorded = Array.from({ length: 2 * stepReviews }, (_, index) => `x${index}`);
const decide = () => subjects.collection.step({ now: 1e12, limit: stepReviews, purger: 'p', until: 2e12 });
const audit = (part: 'links' | 'blobs', repositoryId: number) =>
  subjects.collectionAudit.audit({ part, repositoryId, digest: 'd5' }, 500, 1);

/** A statement or a row that a step may need for each review, content or row in its limit. */
const mostForEach = 8;

const indexPage = /^SCAN \w+ USING (COVERING )?INDEX/;

/**
 * Returns the steps of a plan that read a whole table or index, by its name or alias (https://www.sqlite.org/eqp.html). A limit
 * ends those that read an index in its order, and an intermediate result has only what other steps of the plan have found.
 */
function scansOf(sql: string, plan: readonly string[]): readonly string[] {
  // SQLite plans to look for rows that reference a new repository, but does so only after a violation of a foreign key (FkIfZero).
  if (sql.startsWith('INSERT INTO repositories ')) return [];
  const results = new Set(plan.map((step) => /^(?:CO-ROUTINE|MATERIALIZE) (\w+)$/.exec(step)?.[1]));
  // These registries have one repository, which SQLite reads without looking for its id in a page by id.
  const page = sql.includes('FROM repositories r WHERE r.id > ? ORDER BY r.id LIMIT') ? /^SCAN r$/ : indexPage;
  const isPage = (step: string) => sql.includes('LIMIT') && page.test(step);
  const isScan = (step: string) => /^SCAN (?!CONSTANT ROW|\d+-ROW VALUES)/.test(step) && !results.has(step.slice('SCAN '.length));
  return plan.filter((step) => isScan(step) && !isPage(step));
}

function openRegistry(blobs: number) {
  const database = new DatabaseSync(':memory:');
  for (const { sql } of loadMigrations('sqlite')) database.exec(sql);
  // They count each row that is written here, which takes longer than the writing.
  const triggers = database.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").all();
  for (const { name } of triggers) database.exec(`DROP TRIGGER ${String(name)}`);
  fillRegistry(database, { blobs, unneeded: 1000 });
  for (const { sql } of triggers) database.exec(String(sql));
  const totalChanges = database.prepare('SELECT total_changes() AS count');

  /** Runs the queries and takes them back. Returns what they cost. */
  function costOf(queries: readonly Query<unknown>[]) {
    const [plans, scans]: [string[], string[]] = [[], []];
    let [statements, rows] = [0, 0];
    const before = Number(totalChanges.get()?.['count']);
    database.exec('SAVEPOINT cost');
    for (const query of queries) {
      let step = query.next([]);
      while (!step.done) {
        const { sql, values } = step.value;
        const plan = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...values);
        const details = plan.map(({ detail }) => String(detail));
        plans.push(...details);
        scans.push(...scansOf(sql, details));
        const found = database.prepare(sql).all(...values) as readonly Row[];
        statements++;
        rows += found.length;
        step = query.next(found);
      }
    }
    const changes = Number(totalChanges.get()?.['count']) - before;
    database.exec('ROLLBACK TO cost; RELEASE cost');
    return { statements, rows, changes, plans, scans };
  }

  return { costOf, close: () => database.close() };
}

const [smallBlobs, largeBlobs] = [10_000, isLong ? 1_000_000 : 40_000];

describe('the cost of garbage collection', () => {
  let small: ReturnType<typeof openRegistry>;
  let large: ReturnType<typeof openRegistry>;
  beforeAll(() => {
    small = openRegistry(smallBlobs);
    large = openRegistry(largeBlobs);
  }, 300_000);
  afterAll(() => {
    small.close();
    large.close();
  });

  test.each(Object.entries(events))(
    'an event takes as many statements, rows and changes by the same indexes in a small and in a large registry: %s',
    (_name, queries) => {
      const cost = large.costOf(queries());
      expect(cost).toEqual(small.costOf(queries()));
      expect(cost.statements).toBeGreaterThan(0);
      expect(cost.scans).toEqual([]);
    },
  );

  test.each(Object.entries(steps))(
    'a step of background work is bounded by its limit, whatever the size of the registry: %s',
    (_name, [limit, queries]) => {
      const { plans, scans, ...cost } = large.costOf(queries());
      const { plans: plansOfSmall, scans: scansOfSmall, ...costOfSmall } = small.costOf(queries());
      expect(cost).toEqual(costOfSmall);
      expect(plans).toEqual(plansOfSmall);
      expect([...scans, ...scansOfSmall]).toEqual([]);
      // There is more work than the limit allows, so a step without its limit would cost more.
      for (const count of Object.values(cost)) expect(count).toBeLessThanOrEqual(mostForEach * limit);
    },
  );

  test.each(Object.entries(idleSteps))('a step without work reads nothing of the registry: %s', (_name, queries) => {
    const { statements, rows, changes, scans } = large.costOf(queries());
    expect({ rows, changes, scans }).toMatchObject({ changes: 0, scans: [] });
    // The state of the collector.
    expect(rows).toBeLessThanOrEqual(1);
    expect(statements).toBeGreaterThan(0);
  });

  test('the check finds a query that reads a whole table under an alias', () => {
    const query = function* (): Query<void> {
      yield { sql: 'SELECT 1 FROM links l WHERE l.created_at = ? LIMIT 1', values: [0] };
    };
    expect(small.costOf([query()]).scans).toEqual(['SCAN l']);
  });
});

test('changes let the sizes of a large repository be counted again only after a rest, and those of a small one at once', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'berth-usage-'));
  const file = join(directory, 'metadata.sqlite');
  await (await createSqliteStore({ file })).close();
  const database = new DatabaseSync(file);
  fillRegistry(database, { blobs: 6000, unneeded: 0 });
  database.close();
  const metadata = await createSqliteStore({ file });
  let now = 1e12;
  const counted: string[] = [];
  const counting = metadata.usageCounting;
  const noted: MetadataStore = {
    ...metadata,
    usageCounting: {
      ...counting,
      record: (usage, at) => {
        counted.push(usage.contents > 1000 ? 'large' : 'small');
        return counting.record(usage, at);
      },
    },
  };
  const store = await openBlobStore(loadConfig({ environment: { BERTH_STORAGE_BLOBS_DIRECTORY: directory } }).storage.blobs);
  const counter = createUsageCounter({ driver: store, metadata: noted, now: () => now });
  const push = async (name: string) => {
    const repository = name as RepositoryName;
    const facts = { mediaType: 'm', sizeBytes: 1, artifactType: null, subject: null, annotations: null, blobs: [], children: [] };
    const digest = `pushed-${now}` as Digest;
    await metadata.blobs.commit(repository, digest, 1, '', now);
    await metadata.manifests.put({ ...facts, repository, digest, acceptMissing: false, tags: ['t'], now, author });
  };
  const countAfter = async (milliseconds: number, ...names: readonly string[]) => {
    now += milliseconds;
    for (const name of names) await push(name);
    counted.length = 0;
    await counter.run(new AbortController().signal);
    return counted.toSorted();
  };
  try {
    await countAfter(0, 'small');
    await countAfter(0);
    expect(await countAfter(5000, 'app', 'small')).toEqual(['small']);
    expect(await countAfter(5000, 'small')).toEqual(['small']);
    // Two milliseconds for each of 6,000 contents are over; the repository has not changed again.
    expect(await countAfter(5000)).toEqual(['large']);
    expect(await countAfter(5000)).toEqual([]);
  } finally {
    await metadata.close();
    await store.close();
    await rm(directory, { recursive: true });
  }
});
