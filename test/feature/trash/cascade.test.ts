import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { Digest } from '../../../src/oci/digest.ts';
import type { Row } from '../../../storage/metadata/queries/steps/query.ts';
import { type Removal, planRemoval } from '../../../storage/metadata/queries/steps/removal.ts';
import { createSqliteStore } from '../../../storage/metadata/sqlite/sqlite-store.ts';
import { plain } from '../../support/plain.ts';

let directory: string;
let file: string;
let database: DatabaseSync;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-cascade-'));
  file = join(directory, 'metadata.sqlite');
  await (await createSqliteStore({ file })).close();
  database = new DatabaseSync(file);
  database.exec("INSERT INTO repositories (id, name, created_at) VALUES (1, 'app', 1)");
});
afterEach(async () => {
  database.close();
  await rm(directory, { recursive: true });
});

const digest = (number: number) => `sha256:${number.toString(16).padStart(64, '0')}` as Digest;

/** Inserts manifests 0 to `count` - 1; `subjectOf` and `childrenOf` give the edges. */
function insert(
  count: number,
  edges: { subjectOf?: (number: number) => number; childrenOf?: (number: number) => readonly number[] },
): void {
  const blob = database.prepare('INSERT INTO blobs (digest, size_bytes, created_at) VALUES (?, 1, 1)');
  const manifest = database.prepare(
    `INSERT INTO manifests (repository_id, digest, media_type, size_bytes, subject, pushed_at) VALUES (1, ?, 'm', 1, ?, 1)`,
  );
  const reference = database.prepare('INSERT INTO manifest_references (repository_id, manifest, digest) VALUES (1, ?, ?)');
  database.exec('BEGIN');
  for (let number = 0; number < count; number++) {
    blob.run(digest(number));
    manifest.run(digest(number), number > 0 && edges.subjectOf ? digest(edges.subjectOf(number)) : null);
    for (const child of edges.childrenOf?.(number) ?? []) reference.run(digest(number), digest(child));
  }
  database.exec('COMMIT');
}

/** Plans the removal of manifest 0 and counts the rows that the queries read. */
function plan(): { readonly removal: Removal; readonly rows: number; readonly statements: number } {
  const query = planRemoval(1, digest(0), 1);
  let [rows, statements] = [0, 0];
  let step = query.next([]);
  while (!step.done) {
    const found = database.prepare(step.value.sql).all(...step.value.values) as readonly Row[];
    rows += found.length;
    statements++;
    step = query.next(found);
  }
  return { removal: step.value, rows, statements };
}

test('the deletion of 1,000 nested indexes reads each edge once', () => {
  const count = 1000;
  const reach = 10;
  const childrenOf = (number: number) =>
    Array.from({ length: reach }, (_, index) => number + index + 1).filter((child) => child < count);
  insert(count, { childrenOf });
  const { removal, rows, statements } = plan();
  const edges = Array.from({ length: count }, (_, number) => childrenOf(number).length).reduce((sum, one) => sum + one, 0);
  expect(removal.manifests).toHaveLength(count);
  // A row for each edge, and one for what is known of each manifest.
  expect(rows).toBe(edges + count - 1);
  // A few for each generation: each index is the last parent of the next one.
  expect(statements).toBeLessThanOrEqual(5 * count);
});

test('the deletion of a manifest with 100,000 referrers reads each of them once, in few statements', () => {
  const count = 100_001;
  insert(count, { subjectOf: () => 0 });
  const { removal, rows, statements } = plan();
  expect(removal.manifests).toHaveLength(count);
  expect(rows).toBe(2 * (count - 1));
  expect(statements).toBeLessThanOrEqual((6 * count) / 500);
}, 120_000);

test('10,000 referrers of referrers go into one entry of the trash, and come back', async () => {
  const count = 10_001;
  insert(count, { subjectOf: (number) => Math.floor(number / 10) });
  const store = plain(await createSqliteStore({ file }));
  try {
    const author = { actor: 'alice', address: '', at: 10 };
    const deletion = {
      repository: 'app',
      digest: digest(0),
      windowMilliseconds: 1000,
      reason: '',
      cause: 'delete',
      author,
    } as const;
    const result = await store.deletions.put(deletion);
    expect(result.outcome === 'deleted' ? result.removal.manifests.length : result).toBe(count);
    expect(database.prepare('SELECT count(*) AS live FROM manifests').get()).toEqual({ live: 0 });
    const [entry] = await store.trash.list('app', Number.MAX_SAFE_INTEGER, 10, 20);
    expect(entry?.manifests).toBe(count);
    const restoration = {
      repository: 'app',
      entryId: entry?.id ?? 0,
      renames: {},
      movedTags: 'refuse',
      acceptMissing: false,
    } as const;
    expect(await store.restorations.put({ ...restoration, author })).toMatchObject({ outcome: 'restored', manifests: count });
    expect(database.prepare('SELECT count(*) AS live FROM manifests').get()).toEqual({ live: count });
  } finally {
    await store.close();
  }
}, 120_000);
