import type { Digest } from '../../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../../src/oci/reference.ts';
import { type Query, type Value, all, batches, concurrentWrite, first, insertRows, read, run, write } from '../steps/query.ts';
import { isAdopting } from '../steps/adoption.ts';
import { findKeptSince } from '../steps/backups.ts';
import { recordUnlinked } from '../steps/removal-events.ts';
import { everyRepository, maxFailures, never } from '../steps/reviews.ts';
import { type DueReview, listDue } from './due-reviews.ts';
import { lateMilliseconds } from './claims.ts';

/**
 * Steps of the collector. Links and blobs are removed by writes that run alone, so that nothing begins to need them in between.
 * Times are milliseconds since 1970.
 */

/** Bytes that a collector may delete until its deadline. */
export interface Purge {
  readonly digest: Digest;
  /** 0 if unknown: no transaction has recorded the bytes. */
  readonly sizeBytes: number;
  /** Failures to delete them so far. */
  readonly failures: number;
  /** True if a writer stood still for longer than its claim: it may store them after their deletion, and die. */
  readonly mayReturn: boolean;
}

export interface StepResult {
  /** Reviews that were decided or postponed. Fewer than the limit: no other was due. */
  readonly reviewed: number;
  /** Links that were removed. */
  readonly unlinked: number;
  readonly purges: readonly Purge[];
  /** Manifests that may have been untagged for long enough: the caller decides their reviews (`untagged.expire`). */
  readonly untagged: readonly { readonly repository: RepositoryName; readonly digest: Digest }[];
}

export interface StepOptions {
  readonly now: number;
  /** Largest number of reviews: bounds how long the write keeps others waiting. */
  readonly limit: number;
  /** Unique name of the collector. */
  readonly purger: string;
  /** Deadline for the deletion of the bytes. */
  readonly until: number;
}

/** If the collector dies before it has decided the review of a manifest, another one does after this time. */
const leaseMilliseconds = 60_000;

/** A blob that waits for the next backup is looked at again after this time. */
const backupWaitMilliseconds = 3_600_000;

/** A process that stands still for longer may leave bytes that only a comparison of the store with the records finds. */
const returnMilliseconds = 24 * 3_600_000;

/**
 * Decides due reviews. Removes links that nothing in their repository needs, and records of bytes that no repository needs: those
 * bytes are the caller's to delete until its deadline (`purges`). A review of bytes that cannot be deleted yet is postponed.
 * Does nothing while a store is being adopted.
 */
export const step = write(function* ({ now, limit, purger, until }: StepOptions): Query<StepResult> {
  if (yield* isAdopting()) return { reviewed: 0, unlinked: 0, purges: [], untagged: [] };
  const backupBeganAt = yield* findKeptSince();
  const due = yield* listDue(now, limit);
  const links = due.filter(({ repositoryId }) => repositoryId !== everyRepository);
  const unlinked = links.filter(({ isLinked, isNeeded }) => isLinked === 1 && isNeeded === 0);
  yield* removeRows('links', unlinked);
  yield* recordUnlinked(
    unlinked.flatMap(({ repository, digest }) => (repository === null ? [] : [{ repository, digest }])),
    now,
  );
  const untagged = yield* leaseUntagged(links, now);
  yield* removeRows(
    'reviews',
    links.filter((link) => !untagged.includes(link)),
  );
  yield* insertRows(
    'INSERT INTO reviews (repository_id, digest, due_at, is_urgent)',
    reviewsOfBytes(unlinked, now),
    `ON CONFLICT (repository_id, digest) DO UPDATE
       SET is_urgent = excluded.is_urgent, due_at = excluded.due_at WHERE excluded.is_urgent = 1`,
  );
  const purges: DueReview[] = [];
  // What was read of a digest that has just lost a link is out of date: its review stays due.
  const changed = new Set(unlinked.map(({ digest }) => digest));
  for (const blob of due.filter(({ repositoryId, digest }) => repositoryId === everyRepository && !changed.has(digest))) {
    if (blob.isNeeded === 1) yield* keepBlob(blob, now);
    else if ((blob.claimedUntil ?? 0) > now) yield* postponeBytes([blob.digest], blob.claimedUntil ?? now);
    else if (isPurgedElsewhere(blob, purger, now)) yield* awaitOther(blob);
    else if (isInBackup(blob, backupBeganAt, now)) yield* awaitBackup(blob, now);
    else purges.push(blob);
  }
  yield* beginPurges(purges, { purger, until, now });
  return {
    reviewed: due.length,
    unlinked: unlinked.length,
    untagged: untagged.flatMap(({ repository, digest }) => (repository === null ? [] : [{ repository, digest }])),
    purges: purges.map((blob) => {
      const { digest, sizeBytes, failures } = blob;
      return { digest, sizeBytes: sizeBytes ?? 0, failures, mayReturn: mayReturn(blob, now) };
    }),
  };
});

/** Returns the manifests among the reviews, and postpones these, if untagged manifests are deleted. */
function* leaseUntagged(links: readonly DueReview[], now: number): Query<readonly DueReview[]> {
  const manifests = links.filter(({ isManifest }) => isManifest === 1);
  if (manifests.length === 0 || !(yield* first('SELECT 1 FROM collection WHERE id = 1 AND untagged_ms IS NOT NULL'))) return [];
  for (const [repositoryId, group] of Map.groupBy(manifests, (row) => row.repositoryId)) {
    const digests = group.map(({ digest }) => digest);
    yield* whereDigest(
      'UPDATE reviews SET due_at = ? WHERE repository_id = ? AND',
      [now + leaseMilliseconds, repositoryId],
      digests,
    );
  }
  return manifests;
}

/** Returns the reviews of bytes after links were removed; each digest once, also where several repositories had it. */
function reviewsOfBytes(unlinked: readonly DueReview[], now: number): readonly (readonly Value[])[] {
  return [...Map.groupBy(unlinked, ({ digest }) => digest)].map(([digest, links]) => {
    const isUrgent = links.some((link) => link.isUrgent === 1);
    return [everyRepository, digest, now, isUrgent ? 1 : 0];
  });
}

/** True while the collector that began the deletion, or a request that it sent, may still delete. */
function isPurgedElsewhere({ purger, purgeUntil }: DueReview, self: string, now: number): boolean {
  return purger !== null && purger !== self && (purgeUntil ?? 0) + lateMilliseconds > now;
}

/** True if this deletion, one that it goes on with, or one of the last day takes the claim of a writer away that stood still. */
function mayReturn({ claimedUntil, mayReturn: hasTakenClaim, returnsUntil }: DueReview, now: number): boolean {
  return claimedUntil !== null || hasTakenClaim === 1 || (returnsUntil ?? 0) > now;
}

/** True if the newest backup may need the bytes. */
function isInBackup({ isUrgent, sizeBytes, unreferencedSince }: DueReview, beganAt: number | undefined, now: number): boolean {
  return beganAt !== undefined && isUrgent === 0 && sizeBytes !== null && (unreferencedSince ?? now) >= beganAt;
}

/**
 * Postpones the review to one millisecond later than the collector itself looks again: `finishPurges` knows its own reviews
 * by their due time.
 */
function* awaitOther({ digest, purgeUntil }: DueReview): Query<void> {
  yield* postponeBytes([digest], (purgeUntil ?? 0) + lateMilliseconds + 1);
}

function* keepBlob({ digest, unreferencedSince, returnsUntil }: DueReview, now: number): Query<void> {
  if (unreferencedSince !== null) yield* run('UPDATE blobs SET unreferenced_since = NULL WHERE digest = ?', digest);
  if ((returnsUntil ?? 0) > now) yield* postponeBytes([digest], returnsUntil ?? now);
  else yield* removeRows('reviews', [{ repositoryId: everyRepository, digest }]);
}

function* awaitBackup({ digest, unreferencedSince }: DueReview, now: number): Query<void> {
  if (unreferencedSince === null) yield* run('UPDATE blobs SET unreferenced_since = ? WHERE digest = ?', now, digest);
  yield* postponeBytes([digest], now + backupWaitMilliseconds);
}

/**
 * Takes the blobs out of the records and marks their bytes as being deleted. If this process dies, the review finds them
 * again.
 */
function* beginPurges(
  blobs: readonly DueReview[],
  { purger, until, now }: Pick<StepOptions, 'purger' | 'until' | 'now'>,
): Query<void> {
  const digests = blobs.map(({ digest }) => digest);
  yield* whereDigest('DELETE FROM claims WHERE', [], digests);
  yield* whereDigest('DELETE FROM blobs WHERE', [], digests);
  yield* insertRows(
    'INSERT INTO purges (digest, purger, size_bytes, until, may_return)',
    blobs.map((blob) => [blob.digest, purger, blob.sizeBytes ?? 0, until, mayReturn(blob, now) ? 1 : 0]),
    'ON CONFLICT (digest) DO UPDATE SET purger = excluded.purger, until = excluded.until, may_return = excluded.may_return',
  );
  const due = until + lateMilliseconds;
  yield* postponeBytes(digests, due);
  // Now: a writer may change the due time of the review, or end the deletion, before the collector does.
  yield* whereDigest(
    `UPDATE reviews SET returns_until = ? WHERE repository_id = ${everyRepository} AND`,
    [due + returnMilliseconds],
    blobs.filter((blob) => mayReturn(blob, now)).map(({ digest }) => digest),
  );
}

function* postponeBytes(digests: readonly Digest[], until: number): Query<void> {
  yield* whereDigest(`UPDATE reviews SET due_at = ? WHERE repository_id = ${everyRepository} AND`, [until], digests);
}

/** Runs `statement`, which ends where a condition on the digest follows. */
function* whereDigest(statement: string, values: readonly Value[], digests: readonly Digest[]): Query<void> {
  for (const batch of batches(digests)) {
    yield* run(`${statement} digest IN (${batch.map(() => '?').join(', ')})`, ...values, ...batch);
  }
}

function* removeRows(
  table: 'links' | 'reviews',
  rows: readonly { readonly repositoryId: number; readonly digest: Digest }[],
): Query<void> {
  for (const [repositoryId, group] of Map.groupBy(rows, (row) => row.repositoryId)) {
    const digests = group.map(({ digest }) => digest);
    yield* whereDigest(`DELETE FROM ${table} WHERE repository_id = ? AND`, [repositoryId], digests);
  }
}

/** True while the deletion is the collector's: no other collector and no writer has ended it since. */
export const isPurging = read(function* (digest: Digest, purger: string): Query<boolean> {
  return (yield* first('SELECT 1 FROM purges WHERE digest = ? AND purger = ?', digest, purger)) !== undefined;
});

/** True while any collector deletes the bytes, or has not confirmed that they are gone. */
export const isBeingPurged = read(function* (digest: Digest): Query<boolean> {
  return (yield* first('SELECT 1 FROM purges WHERE digest = ?', digest)) !== undefined;
});

/**
 * Ends deletions whose deadline was `until`: the bytes are gone. Deletions that are not the collector's any more stay as
 * they are, and so do reviews that were changed since the deletion began. Bytes that may return are looked for again a day
 * later, also if the same bytes are pushed and deleted meanwhile.
 */
export const finishPurges = concurrentWrite(function* (
  purger: string,
  purges: readonly Pick<Purge, 'digest' | 'mayReturn'>[],
  until: number,
  now: number,
): Query<void> {
  const returning = new Set(purges.filter(({ mayReturn }) => mayReturn).map(({ digest }) => digest));
  const own = `repository_id = ${everyRepository} AND due_at = ? AND`;
  // In one order: writers that run beside each other must not wait for each other in a circle.
  for (const batch of batches(purges.map(({ digest }) => digest).toSorted())) {
    const marks = batch.map(() => '?').join(', ');
    const ended = yield* all<{ digest: Digest; sizeBytes: number }>(
      `DELETE FROM purges WHERE purger = ? AND digest IN (${marks}) RETURNING digest AS "digest", size_bytes AS "sizeBytes"`,
      purger,
      ...batch,
    );
    if (ended.length > 0) yield* countPurged(ended, now);
    const digests = ended.map(({ digest }) => digest);
    const due = until + lateMilliseconds;
    yield* whereDigest(
      `DELETE FROM reviews WHERE ${own}`,
      [due],
      digests.filter((digest) => !returning.has(digest)),
    );
    yield* whereDigest(
      `UPDATE reviews SET due_at = ? WHERE ${own}`,
      [due + returnMilliseconds, due],
      digests.filter((digest) => returning.has(digest)),
    );
  }
});

function* countPurged(purged: readonly { readonly sizeBytes: number }[], now: number): Query<void> {
  yield* run(
    `UPDATE collection SET purged_at = ?, purged_blobs = purged_blobs + CAST(? AS BIGINT), purged_bytes = purged_bytes + CAST(? AS BIGINT)
      WHERE id = 1`,
    now,
    purged.length,
    purged.reduce((total, { sizeBytes }) => total + sizeBytes, 0),
  );
}

/**
 * Records that the collector could not delete bytes: the review is due again at `retryAt`, or set aside at the tenth
 * failure. Returns whether it was set aside.
 */
export const recordFailure = concurrentWrite(function* (
  digest: Digest,
  purger: string,
  error: string,
  retryAt: number,
): Query<boolean> {
  const row = yield* first<{ dueAt: number }>(
    `UPDATE reviews SET failures = failures + 1, last_error = ?,
            due_at = CASE WHEN failures + 1 >= ${maxFailures} THEN ${never} ELSE CAST(? AS BIGINT) END
      WHERE repository_id = ${everyRepository} AND digest = ?
        AND (SELECT 1 FROM purges p WHERE p.digest = reviews.digest AND p.purger = ?) = 1
     RETURNING due_at AS "dueAt"`,
    error,
    retryAt,
    digest,
    purger,
  );
  return row?.dueAt === never;
});
