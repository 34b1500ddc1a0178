import type { Digest } from '../../../../src/oci/digest.ts';
import type { DatedAuthor } from './events.ts';
import { type Query, all, batches, first, insertRows, run } from './query.ts';
import { type Removal, marksFor } from './removal.ts';
import { reviewAllUntagged, reviewUntagged } from './reviews.ts';
import { recordTagChanges } from './tag-history.ts';

/** Steps of writes that move manifests into the trash and out of it. Only for writes that run alone. */

export interface NewTrashEntry {
  readonly repositoryId: number;
  readonly author: DatedAuthor;
  /** When it is purged, in milliseconds since 1970. */
  readonly purgeAt: number;
  /** Why, as people read it; may be empty. */
  readonly reason: string;
  /** What decided it: a client's DELETE, a rule, or `garbageCollection.untagged`. */
  readonly cause: 'delete' | 'retention' | 'untagged';
}

const columns = 'repository_id, digest, media_type, size_bytes, artifact_type, subject, annotations, pushed_at';

const has = (table: string) =>
  `(SELECT 1 FROM ${table} x WHERE x.repository_id = f.repository_id AND x.digest = f.digest LIMIT 1)`;

/** NULL for a reference to content that the repository does not have, such as a platform that was never copied. */
const isThere = `coalesce(${has('manifests')}, ${has('links')}, ${has('trashed_manifests')})`;

/** Moves what a removal contains into a new entry of the trash. Returns the entry's id. */
export function* moveToTrash(entry: NewTrashEntry, { manifests, tags }: Removal): Query<number> {
  const { repositoryId, author, reason } = entry;
  const id = yield* insertEntry(entry, manifests);
  yield* insertRows(
    'INSERT INTO trashed_tags (entry_id, repository_id, name, digest)',
    tags.map(({ name, digest }) => [id, repositoryId, name, digest]),
    '',
  );
  const changes = tags.map(({ name, digest }) => ({ name, from: digest, to: null }));
  yield* recordTagChanges(repositoryId, changes, author, reason);
  for (const batch of batches(tags.map(({ name }) => name))) {
    yield* run(`DELETE FROM tags WHERE repository_id = ? AND name IN (${marksFor(batch)})`, repositoryId, ...batch);
  }
  const moved = new Set(manifests);
  const kept = new Set(tags.map(({ digest }) => digest).filter((digest) => !moved.has(digest)));
  for (const digest of kept) yield* reviewUntagged(repositoryId, digest, author.at);
  for (const batch of batches(manifests)) {
    const marks = marksFor(batch);
    yield* run(
      `INSERT INTO trashed_manifests (entry_id, ${columns})
       SELECT CAST(? AS BIGINT), ${columns} FROM manifests WHERE repository_id = ? AND digest IN (${marks})`,
      id,
      repositoryId,
      ...batch,
    );
    yield* run(
      `INSERT INTO trashed_references (repository_id, manifest, digest, was_missing)
       SELECT repository_id, manifest, digest, CASE WHEN ${isThere} IS NULL THEN 1 ELSE 0 END FROM manifest_references f
        WHERE repository_id = ? AND manifest IN (${marks})`,
      repositoryId,
      ...batch,
    );
    yield* run(`DELETE FROM manifests WHERE repository_id = ? AND digest IN (${marks})`, repositoryId, ...batch);
  }
  return id;
}

function* insertEntry(entry: NewTrashEntry, manifests: readonly Digest[]): Query<number> {
  const row = yield* first<{ id: number }>(
    `INSERT INTO trash_entries (repository_id, digest, manifests, deleted_at, purge_at, actor, reason, cause)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id AS "id"`,
    entry.repositoryId,
    manifests[0] ?? '',
    manifests.length,
    entry.author.at,
    entry.purgeAt,
    entry.author.actor,
    entry.reason,
    entry.cause,
  );
  if (!row) throw new Error('the entry of the trash has no id');
  return row.id;
}

/**
 * Moves manifests out of the trash, as they were, and deletes the entries that have neither manifests nor tags then. Those that
 * are live already stay as they are.
 */
export function* moveOutOfTrash(repositoryId: number, manifests: readonly Digest[], now: number): Query<void> {
  const entries = new Set<number>();
  for (const batch of batches(manifests)) {
    const marks = marksFor(batch);
    yield* run(
      `INSERT INTO manifests (${columns})
       SELECT ${columns} FROM trashed_manifests WHERE repository_id = ? AND digest IN (${marks})
       ON CONFLICT (repository_id, digest) DO NOTHING`,
      repositoryId,
      ...batch,
    );
    yield* run(
      `INSERT INTO manifest_references (repository_id, manifest, digest)
       SELECT repository_id, manifest, digest FROM trashed_references WHERE repository_id = ? AND manifest IN (${marks})
       ON CONFLICT (repository_id, manifest, digest) DO NOTHING`,
      repositoryId,
      ...batch,
    );
    yield* reviewAllUntagged(
      `SELECT repository_id, digest FROM trashed_manifests WHERE repository_id = ? AND digest IN (${marks})`,
      [repositoryId, ...batch],
      now,
    );
    const moved = yield* all<{ id: number }>(
      `DELETE FROM trashed_manifests WHERE repository_id = ? AND digest IN (${marks}) RETURNING entry_id AS "id"`,
      repositoryId,
      ...batch,
    );
    for (const { id } of moved) entries.add(id);
  }
  for (const id of entries) yield* dropEmptyEntry(id);
}

/**
 * Takes a manifest that has just been pushed out of the trash. An entry that has nothing else goes too. May run in writes that
 * run concurrently: two of them can leave an empty entry, which is purged at its time.
 */
export function* dropTrashed(repositoryId: number, digest: Digest): Query<void> {
  const row = yield* first<{ id: number }>(
    'DELETE FROM trashed_manifests WHERE repository_id = ? AND digest = ? RETURNING entry_id AS "id"',
    repositoryId,
    digest,
  );
  if (row) yield* dropEmptyEntry(row.id);
}

export function* dropEmptyEntry(entryId: number): Query<void> {
  yield* run(
    `DELETE FROM trash_entries WHERE id = ? AND NOT EXISTS (SELECT 1 FROM trashed_manifests WHERE entry_id = ?)
        AND NOT EXISTS (SELECT 1 FROM trashed_tags WHERE entry_id = ?)`,
    entryId,
    entryId,
    entryId,
  );
}
