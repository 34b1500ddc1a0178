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
  /** As the client named the file; '' if it did not. */
  readonly fileName: string;
  /** JSON: what the archive contains. */
  readonly plan: string;
}

export const find = read(function* (id: string): Query<ArchiveRecord | undefined> {
  return yield* first<ArchiveRecord>(
    `SELECT id AS "id", owner AS "owner", repository AS "repository", started_at AS "startedAt", file_name AS "fileName",
            plan AS "plan"
       FROM archives WHERE id = ?`,
    id,
  );
});

/** Lists archives of the account, newest first, without their plans: these can have megabytes. */
export const listOf = read(function* (owner: string, limit: number): Query<readonly Omit<ArchiveRecord, 'owner' | 'plan'>[]> {
  return yield* all<Omit<ArchiveRecord, 'owner' | 'plan'>>(
    `SELECT id AS "id", repository AS "repository", started_at AS "startedAt", file_name AS "fileName"
       FROM archives WHERE owner = ? ORDER BY started_at DESC LIMIT ?`,
    owner,
    limit,
  );
});

export const create = concurrentWrite(function* (record: ArchiveRecord): Query<void> {
  const { id, owner, repository, startedAt, fileName, plan } = record;
  yield* run(
    'INSERT INTO archives (id, owner, repository, started_at, file_name, plan) VALUES (?, ?, ?, ?, ?, ?)',
    ...[id, owner, repository, startedAt, fileName, plan],
  );
});

export const remove = concurrentWrite(function* (id: string): Query<void> {
  yield* run('DELETE FROM archives WHERE id = ?', id);
});

/** Removes archives begun before `before`. Their upload sessions end with those of other clients. Returns the number. */
export const expire = concurrentWrite(function* (before: number): Query<number> {
  return (yield* all('DELETE FROM archives WHERE started_at < ? RETURNING id', before)).length;
});
