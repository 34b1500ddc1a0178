import type { Digest } from '../../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../../src/oci/reference.ts';
import { type Query, type Row, all, concurrentWrite, decoder, first, read, run } from '../steps/query.ts';
import { repositoryId } from '../steps/content.ts';

/** Mirrored repositories: their content comes from an upstream. Times are milliseconds since 1970. */

export interface UpstreamVisibilityRecord {
  /** True if berth used a login of its own for some of the content. */
  readonly byLogin: boolean;
  /** True if the upstream showed the repository to a client without a login; null if this is unknown. */
  readonly isPublic: boolean | null;
  /** Time of that check, milliseconds since 1970. */
  readonly checkedAt: number;
  /** Digest of a manifest that a client without a login has read, or null. */
  readonly proof: Digest | null;
}

const toUpstreamVisibility = decoder<UpstreamVisibilityRecord>('byLogin', 'isPublic');

/** A repository that has copies of an upstream's content. */
export interface Mirrored {
  readonly repository: RepositoryName;
  readonly upstream: string;
  /** True if berth uses a login at the upstream: then the content may be private. */
  readonly byLogin: boolean;
}

export interface UpstreamVisibility {
  readonly isPublic: boolean;
  /** Digest of a manifest that a client without a login has read. */
  readonly proof: Digest | null;
  readonly now: number;
}

/** Finds what is known of the repository at its upstream. Undefined for a repository that is not mirrored. */
export const findVisibility = read(function* (repository: RepositoryName): Query<UpstreamVisibilityRecord | undefined> {
  const row = yield* first<Row>(
    `SELECT m.by_login AS "byLogin", m.is_public AS "isPublic", m.checked_at AS "checkedAt", m.proof AS "proof"
       FROM repositories r JOIN mirrored_repositories m ON m.repository_id = r.id WHERE r.name = ?`,
    repository,
  );
  return row && toUpstreamVisibility(row);
});

/**
 * Lists those of `names` that may have private content: berth used a login, and since `since` the upstream has not shown the
 * repository to a client without one.
 */
export const listHidden = read(function* (names: readonly RepositoryName[], since: number): Query<readonly RepositoryName[]> {
  if (names.length === 0) return [];
  const rows = yield* all<{ name: RepositoryName }>(
    `SELECT r.name AS "name" FROM repositories r JOIN mirrored_repositories m ON m.repository_id = r.id
      WHERE r.name IN (${names.map(() => '?').join(', ')}) AND m.by_login = 1
        AND (coalesce(m.is_public, 0) = 0 OR m.checked_at < ?)`,
    ...names,
    since,
  );
  return rows.map(({ name }) => name);
});

export function* mirroredRepositoryId({ repository, upstream, byLogin }: Mirrored, now: number): Query<number> {
  const id = yield* repositoryId(repository, now);
  yield* run(
    `INSERT INTO mirrored_repositories (repository_id, upstream, by_login) VALUES (?, ?, ?)
     ON CONFLICT (repository_id) DO NOTHING`,
    id,
    upstream,
    byLogin ? 1 : 0,
  );
  if (byLogin) yield* run('UPDATE mirrored_repositories SET by_login = 1 WHERE repository_id = ? AND by_login = 0', id);
  return id;
}

/**
 * Records whether the upstream shows the repository to clients without a login. A private one is recorded only if it has
 * content.
 */
export const recordVisibility = concurrentWrite(function* (
  repositoryRef: Mirrored,
  { isPublic, proof, now }: UpstreamVisibility,
): Query<void> {
  if (isPublic) yield* mirroredRepositoryId(repositoryRef, now);
  yield* run(
    `UPDATE mirrored_repositories SET is_public = ?, checked_at = ?, proof = coalesce(?, proof)
      WHERE repository_id = (SELECT id FROM repositories WHERE name = ?)`,
    isPublic ? 1 : 0,
    now,
    proof,
    repositoryRef.repository,
  );
});

/** Records that the upstream has `passThrough`. */
export const recordPassedThrough = concurrentWrite(function* (upstream: string): Query<void> {
  yield* run('INSERT INTO passed_through_upstreams (upstream) VALUES (?) ON CONFLICT (upstream) DO NOTHING', upstream);
});

/** Lists the upstreams that had `passThrough`, and of which content is stored that a login has read. */
export const listPassedThrough = read(function* (): Query<readonly string[]> {
  const rows = yield* all<{ upstream: string }>(
    `SELECT p.upstream AS "upstream" FROM passed_through_upstreams p
      WHERE EXISTS (SELECT 1 FROM mirrored_repositories m WHERE m.upstream = p.upstream AND m.by_login = 1)`,
  );
  return rows.map(({ upstream }) => upstream);
});
