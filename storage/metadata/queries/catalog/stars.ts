import type { RepositoryName } from '../../../../src/oci/reference.ts';
import { type Query, all, batches, concurrentWrite, first, read, run } from '../steps/query.ts';

/** Repositories that accounts have starred. */

/** Lists at most `limit` starred repositories of an account, the last one first; also such that do not exist any more. */
export const list = read(function* (accountId: number, limit: number): Query<readonly RepositoryName[]> {
  const rows = yield* all<{ name: RepositoryName }>(
    'SELECT repository AS "name" FROM stars WHERE account_id = ? ORDER BY starred_at DESC, repository DESC LIMIT ?',
    accountId,
    limit,
  );
  return rows.map(({ name }) => name);
});

/** Counts the stars of an account, at most `limit`. */
export const count = read(function* (accountId: number, limit: number): Query<number> {
  const row = yield* first<{ count: number | string }>(
    'SELECT count(*) AS "count" FROM (SELECT 1 FROM stars WHERE account_id = ? LIMIT ?) x',
    accountId,
    limit,
  );
  return Number(row?.count ?? 0);
});

/** Stars a repository for an account. Idempotent. `now`: milliseconds since 1970. */
export const add = concurrentWrite(function* (accountId: number, repository: RepositoryName, now: number): Query<void> {
  yield* run(
    `INSERT INTO stars (account_id, repository, starred_at) VALUES (?, ?, ?)
     ON CONFLICT (account_id, repository) DO NOTHING`,
    accountId,
    repository,
    now,
  );
});

/** Takes the star away. Idempotent. */
export const remove = concurrentWrite(function* (accountId: number, repository: RepositoryName): Query<void> {
  yield* run('DELETE FROM stars WHERE account_id = ? AND repository = ?', accountId, repository);
});

/** Returns those of the repositories that the account has starred. */
export const listAmong = read(function* (
  accountId: number,
  repositories: readonly RepositoryName[],
): Query<readonly RepositoryName[]> {
  const found: RepositoryName[] = [];
  for (const batch of batches(repositories)) {
    const rows = yield* all<{ name: RepositoryName }>(
      `SELECT repository AS "name" FROM stars WHERE account_id = ? AND repository IN (${batch.map(() => '?').join(', ')})`,
      accountId,
      ...batch,
    );
    found.push(...rows.map(({ name }) => name));
  }
  return found;
});
