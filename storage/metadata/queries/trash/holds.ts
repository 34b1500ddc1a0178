import type { Digest } from '../../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../../src/oci/reference.ts';
import { type Query, all, concurrentWrite, first, read, run, write } from '../steps/query.ts';
import { type DatedAuthor, recordContentChange } from '../steps/events.ts';
import { type HoldRecord, findHold, holdColumns } from '../steps/holds.ts';
import { reviewUntagged } from '../steps/reviews.ts';

/** Manifests that must not be deleted. Times are milliseconds since 1970. */

export interface NewHold extends Pick<HoldRecord, 'repository' | 'digest' | 'reason' | 'until'> {
  readonly author: DatedAuthor;
}

/** Replaces the manifest's hold. False where the repository has no such manifest. */
export const put = write(function* ({ repository, digest, reason, until, author }: NewHold): Query<boolean> {
  const row = yield* first(
    `INSERT INTO holds (repository_id, digest, reason, actor, created_at, until)
     SELECT m.repository_id, m.digest, CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS BIGINT), CAST(? AS BIGINT)
       FROM repositories r JOIN manifests m ON m.repository_id = r.id AND m.digest = ? WHERE r.name = ?
     ON CONFLICT (repository_id, digest) DO UPDATE SET reason = excluded.reason, actor = excluded.actor,
       created_at = excluded.created_at, until = excluded.until
     RETURNING digest`,
    reason,
    author.actor,
    author.at,
    until,
    digest,
    repository,
  );
  if (row) yield* recordContentChange(author, { kind: 'hold.add', repository, digest, detail: { reason, until } });
  return row !== undefined;
});

/** Ends a hold, and says whether there was one. */
export const remove = concurrentWrite(function* (
  repository: RepositoryName,
  digest: Digest,
  author: DatedAuthor,
): Query<boolean> {
  const row = yield* first<{ repositoryId: number }>(
    `DELETE FROM holds WHERE digest = ? AND repository_id = (SELECT id FROM repositories WHERE name = ?)
     RETURNING repository_id AS "repositoryId"`,
    digest,
    repository,
  );
  if (!row) return false;
  yield* reviewUntagged(row.repositoryId, digest, author.at);
  yield* recordContentChange(author, { kind: 'hold.remove', repository, digest });
  return true;
});

export const find = read(function* (repository: RepositoryName, digest: Digest, now: number): Query<HoldRecord | undefined> {
  const row = yield* first<{ id: number }>('SELECT id AS "id" FROM repositories WHERE name = ?', repository);
  return row && (yield* findHold(row.id, digest, now));
});

/**
 * Lists the holds that have not ended, of one repository or of all, after `after` (exclusive), ascending by repository's id and
 * digest.
 */
export const list = read(function* (
  repository: RepositoryName | undefined,
  after: HoldPosition,
  limit: number,
  now: number,
): Query<readonly (HoldRecord & HoldPosition)[]> {
  const select = `SELECT ${holdColumns}, h.repository_id AS "repositoryId" FROM holds h JOIN repositories r ON r.id = h.repository_id`;
  const page = `(h.repository_id, h.digest) > (?, ?) AND (h.until IS NULL OR h.until > ?)
    ORDER BY h.repository_id, h.digest LIMIT ?`;
  const one = repository === undefined ? '' : 'h.repository_id = (SELECT id FROM repositories WHERE name = ?) AND ';
  const values = [...(repository === undefined ? [] : [repository]), after.repositoryId, after.digest, now, limit];
  return yield* all<HoldRecord & HoldPosition>(`${select} WHERE ${one}${page}`, ...values);
});

/** Position in the list of holds: a page begins after it. */
export interface HoldPosition {
  readonly repositoryId: number;
  /** '' before the first one. */
  readonly digest: Digest | '';
}

/** Forgets holds that ended before `before`. */
export const prune = concurrentWrite(function* (before: number): Query<void> {
  yield* run('DELETE FROM holds WHERE until < ?', before);
});
