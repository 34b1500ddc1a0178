import type { Digest } from '../../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../../src/oci/reference.ts';
import { endClaim } from '../steps/claims.ts';
import { endQuarantine } from '../steps/corrupt.ts';
import { recordAll } from '../steps/events.ts';
import { type Query, all, batches, concurrentWrite, first, read, run, write } from '../steps/query.ts';
import { marksFor } from '../steps/removal.ts';
import type { ContentToCheck } from './checks.ts';

/** Content in quarantine: its bytes were found missing or wrong. Times are milliseconds since 1970. */

export type CorruptionProblem = 'missing' | 'wrong_size' | 'wrong_digest';

export interface CorruptContent extends ContentToCheck {
  readonly problem: CorruptionProblem;
  readonly foundAt: number;
  /** Why the last repair failed; null if none was tried. */
  readonly repairError: string | null;
}

export interface NewCorruption {
  /** As it was read before its bytes. */
  readonly content: Pick<ContentToCheck, 'digest' | 'storedTimes' | 'checkedAt'>;
  readonly problem: CorruptionProblem;
  readonly now: number;
  /** What the event says about it, as JSON. */
  readonly detail: string;
}

/**
 * Puts content into quarantine: HEAD, GET, mounts and pushed manifests do not find it. Records the event when it is new there.
 * `gone`: nothing is changed, because the content was stored again, deleted, or found right since `content` was read.
 */
export const quarantine = write(function* ({ content, problem, now, detail }: NewCorruption): Query<'new' | 'known' | 'gone'> {
  const { digest, storedTimes, checkedAt } = content;
  const found = yield* first(
    'UPDATE blobs SET checked_at = ? WHERE digest = ? AND stored_times = ? AND checked_at = ? RETURNING digest',
    now,
    digest,
    storedTimes,
    checkedAt,
  );
  if (!found) return 'gone';
  const known = yield* first(
    'UPDATE corrupt_content SET problem = ?, checked_at = ? WHERE digest = ? RETURNING digest',
    problem,
    now,
    digest,
  );
  if (known) return 'known';
  yield* run(
    'INSERT INTO corrupt_content (digest, problem, found_at, checked_at) VALUES (?, ?, ?, ?)',
    digest,
    problem,
    now,
    now,
  );
  yield* recordAll([{ at: now, actor: '', address: '', action: 'content.corrupt', target: digest, result: 'done', detail }]);
  return 'new';
});

/** Ends the quarantine of content whose bytes were found right. `checkedAt`: 0 if only their size was compared. */
export const release = concurrentWrite(function* (digest: Digest, now: number, checkedAt: number): Query<boolean> {
  yield* run('UPDATE blobs SET checked_at = ? WHERE digest = ?', checkedAt, digest);
  return yield* endQuarantine(digest, now);
});

/**
 * Records that all bytes were stored again, right, and ends the claim on them. False, and nothing is changed, if the claim was
 * taken away. Content that was deleted meanwhile stays deleted: the review of the claim finds its bytes.
 */
export const recordStored = concurrentWrite(function* (digest: Digest, claimant: string, now: number): Query<boolean> {
  if (!(yield* endClaim(digest, claimant, now))) return false;
  yield* run('UPDATE blobs SET checked_at = ?, stored_times = stored_times + 1 WHERE digest = ?', now, digest);
  yield* endQuarantine(digest, now);
  return true;
});

/** Records why a repair failed. */
export const recordRepairError = concurrentWrite(function* (digest: Digest, error: string): Query<void> {
  yield* run('UPDATE corrupt_content SET repair_error = ? WHERE digest = ?', error, digest);
});

const columns = `b.digest AS "digest", b.size_bytes AS "sizeBytes", b.checked_at AS "checkedAt", b.stored_times AS "storedTimes",
  c.problem AS "problem", c.found_at AS "foundAt", c.repair_error AS "repairError"`;

/** Lists content in quarantine after the digest (exclusive), ascending by digest. */
export const list = read(function* (after: Digest | '', limit: number): Query<readonly CorruptContent[]> {
  return yield* all<CorruptContent>(
    `SELECT ${columns} FROM corrupt_content c JOIN blobs b ON b.digest = c.digest WHERE c.digest > ? ORDER BY c.digest LIMIT ?`,
    after,
    limit,
  );
});

/** Returns those of the digests that are in quarantine. */
export const findAll = read(function* (digests: readonly Digest[]): Query<readonly CorruptContent[]> {
  const found: CorruptContent[] = [];
  for (const batch of batches(digests)) {
    const select = `SELECT ${columns} FROM corrupt_content c JOIN blobs b ON b.digest = c.digest WHERE c.digest IN (${marksFor(batch)})`;
    found.push(...(yield* all<CorruptContent>(select, ...batch)));
  }
  return found;
});

/** Lists content in quarantine that was last looked at before `before`, longest ago first. */
export const listDue = read(function* (before: number, limit: number): Query<readonly CorruptContent[]> {
  return yield* all<CorruptContent>(
    `SELECT ${columns} FROM corrupt_content c JOIN blobs b ON b.digest = c.digest
      WHERE c.checked_at < ? ORDER BY c.checked_at, c.digest LIMIT ?`,
    before,
    limit,
  );
});

/** Records that content in quarantine was looked at. */
export const touch = concurrentWrite(function* (digest: Digest, now: number): Query<void> {
  yield* run('UPDATE corrupt_content SET checked_at = ? WHERE digest = ?', now, digest);
});

/** Counts content in quarantine, up to `limit`. */
export const count = read(function* (limit: number): Query<number> {
  return (yield* all('SELECT 1 FROM corrupt_content LIMIT ?', limit)).length;
});

/** Lists the mirrored repositories that have the content, at most `limit`. */
export const listMirrored = read(function* (digest: Digest, limit: number): Query<readonly RepositoryName[]> {
  const names: RepositoryName[] = [];
  for (const table of ['links', 'manifests']) {
    const rows = yield* all<{ name: RepositoryName }>(
      `SELECT r.name AS "name" FROM ${table} l JOIN mirrored_repositories m ON m.repository_id = l.repository_id
         JOIN repositories r ON r.id = l.repository_id WHERE l.digest = ? LIMIT ?`,
      digest,
      limit,
    );
    names.push(...rows.map(({ name }) => name));
  }
  return names.slice(0, limit);
});
