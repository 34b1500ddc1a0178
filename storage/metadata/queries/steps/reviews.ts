import type { Digest } from '../../../../src/oci/digest.ts';
import { type Query, type Value, run } from './query.ts';

/**
 * Steps that write reviews: each runs within the transaction of the change that may leave content unneeded. The delay until a
 * review is due is in the store, so that every process uses the same. Times are milliseconds since 1970.
 */

/** The repository id of reviews of the bytes themselves, whichever repositories have them. */
export const everyRepository = 0;

/** So many failures set a review aside: it is not due any more, until something changes about its content. */
export const maxFailures = 10;

/** The due time of reviews that are set aside. */
export const never = Number.MAX_SAFE_INTEGER;

/** A new reason for a review postpones the one that is there: content stays for the delay after the last change. */
const onKnown = `ON CONFLICT (repository_id, digest) DO UPDATE SET due_at = excluded.due_at, failures = 0
  WHERE reviews.due_at < excluded.due_at OR reviews.failures >= ${maxFailures}`;

/** Makes the collector ask after the delay whether the repository still needs the blob. */
export function* review(repositoryId: number, digest: Digest, now: number): Query<void> {
  yield* run(
    `INSERT INTO reviews (repository_id, digest, due_at)
     VALUES (?, ?, CAST(? AS BIGINT) + (SELECT delay_ms FROM collection WHERE id = 1)) ${onKnown}`,
    repositoryId,
    digest,
    now,
  );
}

/**
 * Does the same, also if the review that is there is due later: a collector that has postponed it notices that it was
 * changed.
 */
export function* reviewAgain(repositoryId: number, digest: Digest, now: number): Query<void> {
  yield* run(
    `INSERT INTO reviews (repository_id, digest, due_at)
     VALUES (?, ?, CAST(? AS BIGINT) + (SELECT delay_ms FROM collection WHERE id = 1))
     ON CONFLICT (repository_id, digest) DO UPDATE SET due_at = excluded.due_at, failures = 0`,
    repositoryId,
    digest,
    now,
  );
}

/**
 * The same for the rows (repository_id, digest) that `select` returns, each once. They may come in any order: only for
 * writes that run alone.
 */
export function* reviewSelected(select: string, values: readonly Value[], now: number): Query<void> {
  yield* run(
    `INSERT INTO reviews (repository_id, digest, due_at)
     SELECT s.repository_id, s.digest, CAST(? AS BIGINT) + c.delay_ms
       FROM (${select}) s JOIN collection c ON c.id = 1 WHERE true ${onKnown}`,
    now,
    ...values,
  );
}

/** Does the same without the delay, and without regard for backups: for content that a person deletes for good. */
export function* reviewSelectedNow(select: string, values: readonly Value[], now: number): Query<void> {
  yield* run(
    `INSERT INTO reviews (repository_id, digest, due_at, is_urgent)
     SELECT s.repository_id, s.digest, CAST(? AS BIGINT), 1 FROM (${select}) s WHERE true
     ON CONFLICT (repository_id, digest) DO UPDATE SET due_at = excluded.due_at, is_urgent = 1, failures = 0`,
    now,
    ...values,
  );
}

/** Reviews what the manifest references, and its own bytes. To be called before the manifest is deleted. */
export function* reviewManifest(repositoryId: number, digest: Digest, now: number): Query<void> {
  yield* reviewSelected(
    'SELECT repository_id, digest FROM manifest_references WHERE repository_id = ? AND manifest = ?',
    [repositoryId, digest],
    now,
  );
  yield* review(everyRepository, digest, now);
}

/** Makes the audit of all rows begin again, for changes that concern too many rows for one transaction. */
export function* restartAudit(): Query<void> {
  yield* run(
    `UPDATE collection SET audited_at = NULL, audit_part = 'links', audit_repository = 0, audit_digest = '' WHERE id = 1`,
  );
}

/**
 * Reviews a manifest that has lost its last tag or what else keeps it, or never had it, where the configuration deletes untagged
 * manifests.
 */
export function* reviewUntagged(repositoryId: number, digest: Digest, now: number): Query<void> {
  yield* run(
    `INSERT INTO reviews (repository_id, digest, due_at)
     SELECT CAST(? AS BIGINT), CAST(? AS TEXT), CAST(? AS BIGINT) + c.untagged_ms FROM collection c
      WHERE c.id = 1 AND c.untagged_ms IS NOT NULL ${onKnown}`,
    repositoryId,
    digest,
    now,
  );
}

/** The same for the rows (repository_id, digest) that `select` returns. Only for writes that run alone. */
export function* reviewAllUntagged(select: string, values: readonly Value[], now: number): Query<void> {
  yield* run(
    `INSERT INTO reviews (repository_id, digest, due_at)
     SELECT s.repository_id, s.digest, CAST(? AS BIGINT) + c.untagged_ms
       FROM (${select}) s JOIN collection c ON c.id = 1 WHERE c.untagged_ms IS NOT NULL ${onKnown}`,
    now,
    ...values,
  );
}
