import type { DigestAlgorithm } from '../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../src/oci/reference.ts';
import { type Query, all, concurrentWrite, first, read, run } from './steps/query.ts';

/** Upload sessions. Times are milliseconds since 1970. */

export interface UploadRecord {
  readonly id: string;
  readonly repository: RepositoryName;
  readonly algorithm: DigestAlgorithm;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** The only account that may use it; '' in open mode. */
  readonly owner: string;
}

export const find = read(function* (id: string): Query<UploadRecord | undefined> {
  return yield* first<UploadRecord>(
    `SELECT id AS "id", repository AS "repository", algorithm AS "algorithm", started_at AS "startedAt", owner AS "owner"
       FROM uploads WHERE id = ?`,
    id,
  );
});

/** True if at least `count` upload sessions belong to `owner`. */
export const hasOwned = read(function* (owner: string, count: number): Query<boolean> {
  const row = yield* first('SELECT id AS "id" FROM uploads WHERE owner = ? LIMIT 1 OFFSET ?', owner, count - 1);
  return row !== undefined;
});

/** True if at least `count` upload sessions were begun from `address`. */
export const hasFromAddress = read(function* (address: string, count: number): Query<boolean> {
  const row = yield* first('SELECT id AS "id" FROM uploads WHERE address = ? LIMIT 1 OFFSET ?', address, count - 1);
  return row !== undefined;
});

/** Returns the ids of at most `limit` upload sessions begun before `before` (milliseconds since 1970), oldest first. */
export const listStartedBefore = read(function* (before: number, limit: number): Query<readonly string[]> {
  const rows = yield* all<{ id: string }>(
    'SELECT id AS "id" FROM uploads WHERE started_at < ? ORDER BY started_at LIMIT ?',
    before,
    limit,
  );
  return rows.map((row) => row.id);
});

/** Creates a session. `owner`: the only account that may use it; '' in open mode. `address`: of the client. */
export const create = concurrentWrite(function* (
  id: string,
  repository: RepositoryName,
  algorithm: DigestAlgorithm,
  now: number,
  owner = '',
  address = '',
): Query<void> {
  yield* run(
    'INSERT INTO uploads (id, repository, algorithm, started_at, owner, address) VALUES (?, ?, ?, ?, ?, ?)',
    id,
    repository,
    algorithm,
    now,
    owner,
    address,
  );
});

/** Makes the session one of another repository. It holds no space in the quotas then, until its blob is recorded there. */
export const retarget = concurrentWrite(function* (id: string, repository: RepositoryName): Query<void> {
  yield* run('UPDATE uploads SET reserved_bytes = 0 WHERE id = ?', id);
  yield* run('UPDATE uploads SET repository = ? WHERE id = ?', repository, id);
});

export const remove = concurrentWrite(function* (id: string): Query<void> {
  yield* run('DELETE FROM uploads WHERE id = ?', id);
});
