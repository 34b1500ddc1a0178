import type { Digest } from '../../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../../src/oci/reference.ts';
import { type Query, concurrentWrite, first, read, run } from '../steps/query.ts';

/** Unfinished uploads of `sync`, by the entry, the repository at the target and the digest. Times are milliseconds since 1970. */

/** Returns the session of the upload: an id or an address, as the target gave it. */
export const find = read(function* (entry: string, repository: RepositoryName, digest: Digest): Query<string | undefined> {
  const row = yield* first<{ session: string }>(
    'SELECT session AS "session" FROM sync_uploads WHERE entry = ? AND repository = ? AND digest = ?',
    entry,
    repository,
    digest,
  );
  return row?.session;
});

export const put = concurrentWrite(function* (
  entry: string,
  repository: RepositoryName,
  digest: Digest,
  session: string,
  now: number,
): Query<void> {
  yield* run(
    `INSERT INTO sync_uploads (entry, repository, digest, session, begun_at) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (entry, repository, digest) DO UPDATE SET session = excluded.session`,
    entry,
    repository,
    digest,
    session,
    now,
  );
});

export const remove = concurrentWrite(function* (entry: string, repository: RepositoryName, digest: Digest): Query<void> {
  yield* run('DELETE FROM sync_uploads WHERE entry = ? AND repository = ? AND digest = ?', entry, repository, digest);
});

/** Forgets uploads that were begun before `before`. */
export const forget = concurrentWrite(function* (before: number): Query<void> {
  yield* run('DELETE FROM sync_uploads WHERE begun_at < ?', before);
});
