import type { Digest } from '../../../../src/oci/digest.ts';
import { type Query, first, run } from './query.ts';
import { everyRepository, reviewAgain } from './reviews.ts';

/** Steps of writes that record bytes. Times are milliseconds since 1970. */

/**
 * Ends a claim in the transaction that records the bytes, or rejects them. False if a collector has taken the claim away since
 * it lapsed: the bytes may be gone, and nothing may be recorded. `claimant` undefined: the caller relies on no bytes.
 */
export function* endClaim(digest: Digest, claimant: string | undefined, now: number): Query<boolean> {
  if (claimant === undefined) return true;
  const row = yield* first('DELETE FROM claims WHERE digest = ? AND claimant = ? RETURNING digest', digest, claimant);
  if (row) return true;
  // The collector may have come before the writer stored the bytes, and end its deletion after this.
  yield* reviewAgain(everyRepository, digest, now);
  return false;
}

/** True if the claim was not taken away. `claimant` undefined: the caller relies on no bytes. */
export function* holdsClaim(digest: Digest, claimant: string | undefined): Query<boolean> {
  if (claimant === undefined) return true;
  return (yield* first('SELECT 1 FROM claims WHERE digest = ? AND claimant = ?', digest, claimant)) !== undefined;
}

/**
 * Drops the review that the claim has written. To be called when a link or manifest has the bytes: whatever removes that writes
 * a review again. The review of bytes that another writer may store once more stays.
 */
export function* dropBytesReview(digest: Digest): Query<void> {
  yield* run('DELETE FROM reviews WHERE repository_id = ? AND digest = ? AND returns_until IS NULL', everyRepository, digest);
}
