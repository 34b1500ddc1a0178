import type { Digest } from '../../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../../src/oci/reference.ts';
import {
  type Query,
  type Row,
  all,
  concurrentWrite,
  countRows,
  decoder,
  first,
  insertRows,
  read,
  remembered,
  run,
} from '../steps/query.ts';
import { isIntact } from '../steps/corrupt.ts';
import { everyRepository, never } from '../steps/reviews.ts';

/** Reviews: what the collector looks at, and when (`steps/reviews.ts` writes them). Times are milliseconds since 1970. */

/** A review that has failed; after repeated failures it is set aside. */
export interface FailedReview {
  readonly digest: Digest;
  /** Null for a review of the bytes themselves. */
  readonly repository: RepositoryName | null;
  readonly failures: number;
  readonly lastError: string | null;
}

/** A blob that a client may rely on for the grace, and whether its review comes earlier. */
export interface ExistingBlob {
  readonly sizeBytes: number;
  readonly isExpiring: boolean;
}

/** A manifest that the repository may serve, and how long a client may rely on it. Times are milliseconds since 1970. */
export interface ExistingManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly sizeBytes: number;
  /** From this time on the manifest may be gone before the grace is over, unless `postpone` succeeds. Null: it has no review. */
  readonly expiringAt: number | null;
}

const toExistingBlob = decoder<ExistingBlob>('isExpiring');

const earlyReview = `SELECT 1 FROM reviews v WHERE v.repository_id = r.id AND v.digest = ?
  AND v.due_at < CAST(? AS BIGINT) + (SELECT delay_ms / 2 FROM collection WHERE id = 1)`;

// No argument is the present time, so that the result stays the same until the database changes.
const manifestWithReview = `SELECT m.digest AS "digest", m.media_type AS "mediaType", m.size_bytes AS "sizeBytes",
    (SELECT v.due_at - (SELECT delay_ms / 2 FROM collection WHERE id = 1) FROM reviews v
      WHERE v.repository_id = r.id AND v.digest = m.digest) AS "expiringAt"
  FROM repositories r JOIN manifests m ON m.repository_id = r.id AND m.digest = ?
 WHERE r.name = ? AND ${isIntact('m.digest')}`;

/** Only the trash keeps the blob, which yields when space is needed: a review that is not due yet makes it spare the blob. */
const keptByTrash = `SELECT 1 FROM trashed_references f WHERE f.repository_id = r.id AND f.digest = ?
  AND NOT EXISTS (SELECT 1 FROM reviews v WHERE v.repository_id = r.id AND v.digest = f.digest)
  AND NOT EXISTS (SELECT 1 FROM manifest_references m WHERE m.repository_id = r.id AND m.digest = f.digest)`;

/**
 * Finds a blob that the repository may serve. `isExpiring`: it may be gone before the grace is over, unless `postpone`
 * succeeds.
 */
export const findBlob = read(function* (
  repository: RepositoryName,
  digest: Digest,
  now: number,
): Query<ExistingBlob | undefined> {
  const row = yield* first<Row>(
    `SELECT b.size_bytes AS "sizeBytes", CASE WHEN EXISTS (${earlyReview}) OR EXISTS (${keptByTrash}) THEN 1 ELSE 0 END AS "isExpiring"
       FROM repositories r
       JOIN links l ON l.repository_id = r.id AND l.digest = ?
       JOIN blobs b ON b.digest = l.digest
      WHERE r.name = ? AND ${isIntact('b.digest')}`,
    digest,
    now,
    digest,
    digest,
    repository,
  );
  return row && toExistingBlob(row);
});

/** Finds a manifest that the repository may serve, and how long a client may rely on it. */
export const findManifest = remembered(
  read(function* (repository: RepositoryName, digest: Digest): Query<ExistingManifest | undefined> {
    return yield* first<ExistingManifest>(manifestWithReview, digest, repository);
  }),
);

/** Postpones the review of a blob or manifest by the delay, and says whether the repository still has it. */
export const postpone = concurrentWrite(function* (repository: RepositoryName, digest: Digest, now: number): Query<boolean> {
  yield* run(
    `UPDATE reviews SET due_at = CAST(? AS BIGINT) + (SELECT delay_ms FROM collection WHERE id = 1)
      WHERE repository_id = (SELECT id FROM repositories WHERE name = ?) AND digest = ?
        AND due_at < CAST(? AS BIGINT) + (SELECT delay_ms FROM collection WHERE id = 1)`,
    now,
    repository,
    digest,
    now,
  );
  // Not EXISTS: PostgreSQL would begin with the digest in every repository.
  yield* run(
    `INSERT INTO reviews (repository_id, digest, due_at)
     SELECT r.id, CAST(? AS TEXT), CAST(? AS BIGINT) + (SELECT delay_ms FROM collection WHERE id = 1) FROM repositories r
      WHERE r.name = ? AND (${keptByTrash} LIMIT 1) = 1
        AND (SELECT 1 FROM links l WHERE l.repository_id = r.id AND l.digest = ?) = 1
     ON CONFLICT (repository_id, digest) DO NOTHING`,
    digest,
    now,
    repository,
    digest,
    digest,
  );
  const row = yield* first(
    `SELECT 1 FROM repositories r WHERE r.name = ?
        AND (EXISTS (SELECT 1 FROM links l WHERE l.repository_id = r.id AND l.digest = ?)
          OR EXISTS (SELECT 1 FROM manifests m WHERE m.repository_id = r.id AND m.digest = ?))`,
    repository,
    digest,
    digest,
  );
  return row !== undefined;
});

/**
 * Makes the collector decide at once whether any repository needs the bytes. It deletes them if none does and no writer
 * claims them.
 */
export const addForBytes = concurrentWrite(function* (digests: readonly Digest[], now: number): Query<void> {
  // In one order: writers that run beside each other must not wait for each other in a circle.
  const rows = [...digests].sort().map((digest) => [everyRepository, digest, now, 1]);
  yield* insertRows(
    'INSERT INTO reviews (repository_id, digest, due_at, is_urgent)',
    rows,
    'ON CONFLICT (repository_id, digest) DO UPDATE SET due_at = excluded.due_at, is_urgent = 1, failures = 0',
  );
});

/** Counts reviews that have been due since before `before`, up to `limit`. */
export const countDue = read(function* (before: number, limit: number): Query<number> {
  return yield* countRows('SELECT 1 FROM reviews WHERE due_at < ? LIMIT ?', before, limit);
});

/** Lists the reviews that have failed, at most `limit`, in the order of their repositories and digests. */
export const listFailed = read(function* (limit: number): Query<readonly FailedReview[]> {
  return yield* all<FailedReview>(
    `SELECT v.digest AS "digest", r.name AS "repository", v.failures AS "failures", v.last_error AS "lastError"
       FROM reviews v LEFT JOIN repositories r ON r.id = v.repository_id
      WHERE v.failures > 0 ORDER BY v.repository_id, v.digest LIMIT ?`,
    limit,
  );
});

/** Makes reviews that were set aside due now, and resets their failures. */
export const retryFailed = concurrentWrite(function* (now: number): Query<void> {
  yield* run(`UPDATE reviews SET due_at = ?, failures = 0 WHERE due_at = ${never}`, now);
});
