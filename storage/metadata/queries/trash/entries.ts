import type { Digest } from '../../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../../src/oci/reference.ts';
import { type Query, all, batches, countRows, first, read, run, write } from '../steps/query.ts';
import { type ContentChange, type DatedAuthor, recordContentChanges } from '../steps/events.ts';
import { purgeManifests } from '../steps/purge.ts';
import { marksFor } from '../steps/removal.ts';

/** Deleted manifests that can be restored. Times are milliseconds since 1970. */

/** An entry of the trash: one deletion. */
export interface TrashEntry {
  readonly id: number;
  readonly repository: RepositoryName;
  /** The manifest that was deleted. */
  readonly digest: Digest;
  /** Number of manifests in the entry, this one included. */
  readonly manifests: number;
  readonly deletedAt: number;
  readonly purgeAt: number;
  readonly actor: string;
  readonly reason: string;
  readonly cause: string;
}

const entryColumns = `e.id AS "id", r.name AS "repository", e.digest AS "digest", e.manifests AS "manifests",
  e.deleted_at AS "deletedAt", e.purge_at AS "purgeAt", e.actor AS "actor", e.reason AS "reason", e.cause AS "cause"`;

/** Lists entries that can be restored, before the id `before` (exclusive), newest first; of one repository, several, or all. */
export const list = read(function* (
  repository: RepositoryName | readonly RepositoryName[] | undefined,
  before: number,
  limit: number,
  now: number,
): Query<readonly TrashEntry[]> {
  const select = `SELECT ${entryColumns} FROM trash_entries e JOIN repositories r ON r.id = e.repository_id`;
  const page = 'e.id < ? AND e.purge_at > ? ORDER BY e.id DESC LIMIT ?';
  if (repository === undefined) return yield* all<TrashEntry>(`${select} WHERE ${page}`, before, now, limit);
  const names = [repository].flat();
  const within = names.length === 1 ? '= (SELECT id FROM repositories WHERE name = ?)' : `IN (${idsOf(names)})`;
  return yield* all<TrashEntry>(`${select} WHERE e.repository_id ${within} AND ${page}`, ...names, before, now, limit);
});

const idsOf = (names: readonly RepositoryName[]) => `SELECT id FROM repositories WHERE name IN (${marksFor(names)})`;

export const find = read(findEntry);

function findEntry(repository: RepositoryName, id: number, now: number): Query<TrashEntry | undefined> {
  return first<TrashEntry>(
    `SELECT ${entryColumns} FROM trash_entries e JOIN repositories r ON r.id = e.repository_id
      WHERE e.id = ? AND r.name = ? AND e.purge_at > ?`,
    id,
    repository,
    now,
  );
}

/** Finds the entry that has the manifest; undefined if it is not in the trash. */
export const findByDigest = read(function* (
  repository: RepositoryName,
  digest: Digest,
  now: number,
): Query<TrashEntry | undefined> {
  return yield* first<TrashEntry>(
    `SELECT ${entryColumns} FROM repositories r
       JOIN trashed_manifests m ON m.repository_id = r.id AND m.digest = ?
       JOIN trash_entries e ON e.id = m.entry_id
      WHERE r.name = ? AND e.purge_at > ?`,
    digest,
    repository,
    now,
  );
});

/** Returns the first tags of each of the entries, at most `limit` of each. */
export const listFirstTags = read(function* (
  ids: readonly number[],
  limit: number,
): Query<ReadonlyMap<number, readonly string[]>> {
  const found = new Map<number, readonly string[]>();
  for (const batch of batches(ids)) {
    const rows = yield* all<{ id: number; names: string | null }>(
      `SELECT e.id AS "id", (SELECT string_agg(few.name, ' ') FROM (SELECT t.name FROM trashed_tags t WHERE t.entry_id = e.id
         ORDER BY t.name LIMIT ?) few) AS "names" FROM trash_entries e WHERE e.id IN (${marksFor(batch)})`,
      limit,
      ...batch,
    );
    for (const { id, names } of rows) found.set(id, names === null ? [] : names.split(' '));
  }
  return found;
});

/** Lists the entries of one repository or of all by id; if `ids` are given, only those. */
export const listSelected = read(function* (
  repository: RepositoryName | undefined,
  ids: readonly number[] | undefined,
  now: number,
): Query<readonly TrashEntry[]> {
  const select = `SELECT ${entryColumns} FROM trash_entries e JOIN repositories r ON r.id = e.repository_id WHERE e.purge_at > ?`;
  const within = repository === undefined ? '' : 'AND e.repository_id = (SELECT id FROM repositories WHERE name = ?)';
  const values = repository === undefined ? [now] : [now, repository];
  if (!ids) return yield* all<TrashEntry>(`${select} ${within} ORDER BY e.id`, ...values);
  const found: TrashEntry[] = [];
  for (const batch of batches(ids)) {
    const chosen = `AND e.id IN (${marksFor(batch)}) ORDER BY e.id`;
    found.push(...(yield* all<TrashEntry>(`${select} ${within} ${chosen}`, ...values, ...batch)));
  }
  return found;
});

/** Ends the window of the entries that `listSelected` returns for the same arguments, and returns them. */
export const expire = write(function* (
  repository: RepositoryName | undefined,
  ids: readonly number[] | undefined,
  author: DatedAuthor,
): Query<readonly TrashEntry[]> {
  const entries = yield* listSelected(repository, ids, author.at);
  for (const batch of batches(entries.map(({ id }) => id))) {
    yield* run(`UPDATE trash_entries SET purge_at = ${atOnce} WHERE id IN (${marksFor(batch)})`, ...batch);
  }
  const changes = entries.map(({ repository: name, digest, manifests }): ContentChange => {
    return { kind: 'trash.empty', repository: name, digest, detail: { manifests } };
  });
  yield* recordContentChanges(author, changes);
  return entries;
});

/** The `purge_at` of entries that a person has emptied: their content is deleted at once. */
const atOnce = 0;

/** Counts the entries that can be restored, up to `limit`. */
export const count = read(function* (now: number, limit: number): Query<number> {
  return yield* countRows('SELECT 1 FROM trash_entries WHERE purge_at > ? LIMIT ?', now, limit);
});

/** True if the window of an entry has ended. */
export const isDue = read(function* (now: number): Query<boolean> {
  return (yield* first('SELECT 1 FROM trash_entries WHERE purge_at <= ? LIMIT 1', now)) !== undefined;
});

/**
 * Deletes at most `limit` manifests of the entry whose window ended first, and the entry with its last one. Returns how many,
 * or undefined where no entry is due.
 */
export const purge = write(function* (now: number, limit: number): Query<number | undefined> {
  const entry = yield* first<{ id: number; repositoryId: number; purgeAt: number }>(
    `SELECT id AS "id", repository_id AS "repositoryId", purge_at AS "purgeAt" FROM trash_entries
      WHERE purge_at <= ? ORDER BY purge_at, id LIMIT 1`,
    now,
  );
  if (!entry) return undefined;
  const { id: entryId, repositoryId, purgeAt } = entry;
  const rows = yield* all<{ digest: Digest }>(
    'SELECT digest AS "digest" FROM trashed_manifests WHERE entry_id = ? ORDER BY digest LIMIT ?',
    entryId,
    limit,
  );
  const isUrgent = purgeAt === atOnce;
  yield* purgeManifests(
    { repositoryId, now, isUrgent },
    rows.map(({ digest }) => digest),
  );
  if (rows.length < limit) yield* run('DELETE FROM trash_entries WHERE id = ?', entryId);
  return rows.length;
});
