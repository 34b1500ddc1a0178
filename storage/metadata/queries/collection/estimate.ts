import type { Digest } from '../../../../src/oci/digest.ts';
import { type Query, type Row, all, batches, decoder, read } from '../steps/query.ts';
import { marksFor } from '../steps/removal.ts';
import { type NeededTimes, isAttached, lastNeededAt, neededTimes } from '../steps/untagged.ts';

/** Reads in pages what a repository could free. Times are milliseconds since 1970. */

/** A manifest that only its age keeps, where the configuration deletes untagged manifests. */
export interface UntaggedManifest {
  readonly digest: Digest;
  readonly lastNeededAt: number;
}

export interface UntaggedPage {
  readonly manifests: readonly UntaggedManifest[];
  /** The last digest that was looked at; undefined after the last page. */
  readonly next: Digest | undefined;
}

const isHeld = `(SELECT 1 FROM holds h
   WHERE h.repository_id = m.repository_id AND h.digest = m.digest AND (h.until IS NULL OR h.until > CAST(? AS BIGINT)))`;

/** Looks at `limit` manifests after the digest `after` (exclusive), ascending. */
export const listUntagged = read(function* (
  repositoryId: number,
  after: string,
  limit: number,
  now: number,
): Query<UntaggedPage> {
  const rows = yield* all<NeededTimes & { readonly digest: Digest; readonly isKept: number }>(
    `SELECT m.digest AS "digest", coalesce(${isHeld}, ${isAttached}) AS "isKept", ${neededTimes}
       FROM manifests m WHERE m.repository_id = ? AND m.digest > ? ORDER BY m.digest LIMIT ?`,
    now,
    repositoryId,
    after,
    limit,
  );
  const manifests = rows.filter(({ isKept }) => isKept === 0);
  return {
    manifests: manifests.map((row) => ({ digest: row.digest, lastNeededAt: lastNeededAt(row, now) })),
    next: rows.length === limit ? rows.at(-1)?.digest : undefined,
  };
});

/** Lists manifests in the trash after the digest `after` (exclusive), ascending. */
export const listTrashed = read(function* (repositoryId: number, after: string, limit: number): Query<readonly Digest[]> {
  const rows = yield* all<{ digest: Digest }>(
    'SELECT digest AS "digest" FROM trashed_manifests WHERE repository_id = ? AND digest > ? ORDER BY digest LIMIT ?',
    repositoryId,
    after,
    limit,
  );
  return rows.map(({ digest }) => digest);
});

/** Lists what the manifests reference: one item for each reference. */
export const listReferences = read(function* (
  repositoryId: number,
  manifests: readonly Digest[],
  from: 'manifest_references' | 'trashed_references',
): Query<readonly Digest[]> {
  const found: Digest[] = [];
  for (const batch of batches(manifests)) {
    const rows = yield* all<{ digest: Digest }>(
      `SELECT digest AS "digest" FROM ${from} WHERE repository_id = ? AND manifest IN (${marksFor(batch)})`,
      repositoryId,
      ...batch,
    );
    for (const { digest } of rows) found.push(digest);
  }
  return found;
});

/** Stored content, and how much needs it. */
export interface ContentUses {
  readonly digest: Digest;
  readonly sizeBytes: number;
  /** Manifests of the repository that reference it, and those in its trash. */
  readonly live: number;
  readonly trashed: number;
  /** True if the repository has a manifest with the digest. */
  readonly isManifest: boolean;
  /** True if the repository has it as a blob. */
  readonly isLinked: boolean;
  /** True if another repository has it. */
  readonly isElsewhere: boolean;
}

const toUses = decoder<ContentUses>('isManifest', 'isLinked', 'isElsewhere');

/** Returns the uses of those digests that are stored. */
export const listUses = read(function* (repositoryId: number, digests: readonly Digest[]): Query<readonly ContentUses[]> {
  const count = (table: string) => `(SELECT count(*) FROM ${table} f WHERE f.repository_id = ? AND f.digest = b.digest)`;
  const elsewhere = (table: string) => `(SELECT 1 FROM ${table} x WHERE x.digest = b.digest AND x.repository_id <> ? LIMIT 1)`;
  const here = (table: string) =>
    `coalesce((SELECT 1 FROM ${table} x WHERE x.repository_id = ? AND x.digest = b.digest LIMIT 1), 0)`;
  const found: ContentUses[] = [];
  for (const batch of batches(digests)) {
    const rows = yield* all<Row>(
      `SELECT b.digest AS "digest", b.size_bytes AS "sizeBytes", ${count('manifest_references')} AS "live",
              ${count('trashed_references')} AS "trashed",
              ${here('manifests')} AS "isManifest", ${here('links')} AS "isLinked",
              coalesce(${['links', 'manifests', 'trashed_manifests'].map(elsewhere).join(', ')}, 0) AS "isElsewhere"
         FROM blobs b WHERE b.digest IN (${marksFor(batch)})`,
      ...Array<number>(7).fill(repositoryId),
      ...batch,
    );
    found.push(...rows.map((row) => toUses({ ...row, live: Number(row['live']), trashed: Number(row['trashed']) })));
  }
  return found;
});

/** Lists digests with a review in the repository, after the digest `after` (exclusive), ascending. */
export const listReviewed = read(function* (repositoryId: number, after: string, limit: number): Query<readonly Digest[]> {
  const rows = yield* all<{ digest: Digest }>(
    'SELECT digest AS "digest" FROM reviews WHERE repository_id = ? AND digest > ? ORDER BY digest LIMIT ?',
    repositoryId,
    after,
    limit,
  );
  return rows.map(({ digest }) => digest);
});
