import type { Digest } from '../../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../../src/oci/reference.ts';
import { type Query, all, concurrentWrite, read } from '../steps/query.ts';
import { type StoredOddity, insertOddities } from './steps.ts';

/** What is unusual in an adopted store. */

export interface OddityCount {
  readonly kind: string;
  readonly count: number;
}

/** Content that a manifest names and its repository does not have. */
export interface MissingContent {
  readonly repository: RepositoryName;
  readonly manifest: Digest;
  readonly digest: Digest;
}

/** A row of the references of all manifests. */
export interface ReferencePosition {
  readonly repositoryId: number;
  readonly manifest: Digest | '';
  readonly digest: Digest | '';
}

/** Oddities behind a path and a kind (exclusive), ascending. */
export const list = read(function* (afterPath: string, afterKind: string, limit: number): Query<readonly StoredOddity[]> {
  return yield* all<StoredOddity>(
    `SELECT path AS "path", kind AS "kind", detail AS "detail" FROM adoption_oddities
      WHERE (path, kind) > (?, ?) ORDER BY path, kind LIMIT ?`,
    afterPath,
    afterKind,
    limit,
  );
});

/** Counts all of them. */
export const count = read(function* (): Query<readonly OddityCount[]> {
  const rows = yield* all<{ kind: string; count: number | string }>(
    'SELECT kind AS "kind", count(*) AS "count" FROM adoption_oddities GROUP BY kind ORDER BY kind',
  );
  return rows.map(({ kind, count }) => ({ kind, count: Number(count) }));
});

export const add = concurrentWrite(function* (oddities: readonly StoredOddity[]): Query<void> {
  yield* insertOddities(oddities);
});

/** Deletes at most `limit` oddities of a kind, and returns their number. */
export const removeKind = concurrentWrite(function* (kind: string, limit: number): Query<number> {
  const rows = yield* all(
    `DELETE FROM adoption_oddities WHERE kind = ? AND path IN
       (SELECT path FROM adoption_oddities WHERE kind = ? ORDER BY path LIMIT ?) RETURNING path`,
    kind,
    kind,
    limit,
  );
  return rows.length;
});

interface ReferenceRow extends MissingContent {
  readonly repositoryId: number;
  readonly isFound: number;
}

/** Looks at `limit` references behind the position. `next` is undefined after the last one. */
export const findMissing = read(function* (
  after: ReferencePosition,
  limit: number,
): Query<{ readonly missing: readonly MissingContent[]; readonly next: ReferencePosition | undefined }> {
  const rows = yield* all<ReferenceRow>(
    `SELECT f.repository_id AS "repositoryId", r.name AS "repository", f.manifest AS "manifest", f.digest AS "digest",
            coalesce((SELECT 1 FROM links l WHERE l.repository_id = f.repository_id AND l.digest = f.digest),
                     (SELECT 1 FROM manifests m WHERE m.repository_id = f.repository_id AND m.digest = f.digest),
                     (SELECT 1 FROM mirrored_repositories x WHERE x.repository_id = f.repository_id), 0) AS "isFound"
       FROM manifest_references f JOIN repositories r ON r.id = f.repository_id
      WHERE (f.repository_id, f.manifest, f.digest) > (?, ?, ?)
      ORDER BY f.repository_id, f.manifest, f.digest LIMIT ?`,
    after.repositoryId,
    after.manifest,
    after.digest,
    limit,
  );
  const last = rows.at(-1);
  const missing = rows.filter(({ isFound }) => isFound === 0);
  return {
    missing: missing.map(({ repository, manifest, digest }) => ({ repository, manifest, digest })),
    next: last && rows.length === limit ? last : undefined,
  };
});
