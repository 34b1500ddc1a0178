import type { RepositoryName } from '../../../../src/oci/reference.ts';
import { type Query, all, concurrentWrite, first, read, run } from '../steps/query.ts';

/** Uploaded archives of images that wait for their commit. Times are milliseconds since 1970. */

export interface ArchiveRecord {
  readonly id: string;
  /** Id of the account that sent it; '' without one. */
  readonly owner: string;
  /** Where its upload sessions count. */
  readonly repository: RepositoryName;
  readonly startedAt: number;
  /** JSON: what the archive contains. */
  readonly plan: string;
}

export const find = read(function* (id: string): Query<ArchiveRecord | undefined> {
  return yield* first<ArchiveRecord>(
    `SELECT id AS "id", owner AS "owner", repository AS "repository", started_at AS "startedAt", plan AS "plan"
       FROM archives WHERE id = ?`,
    id,
  );
});

export const create = concurrentWrite(function* ({ id, owner, repository, startedAt, plan }: ArchiveRecord): Query<void> {
  yield* run(
    'INSERT INTO archives (id, owner, repository, started_at, plan) VALUES (?, ?, ?, ?, ?)',
    id,
    owner,
    repository,
    startedAt,
    plan,
  );
});

export const remove = concurrentWrite(function* (id: string): Query<void> {
  yield* run('DELETE FROM archives WHERE id = ?', id);
});

/** Removes archives begun before `before`. Their upload sessions end with those of other clients. Returns the number. */
export const expire = concurrentWrite(function* (before: number): Query<number> {
  return (yield* all('DELETE FROM archives WHERE started_at < ? RETURNING id', before)).length;
});
