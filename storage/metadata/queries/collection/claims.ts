import type { Digest } from '../../../../src/oci/digest.ts';
import { type Query, concurrentWrite, first, read, run, withoutSync } from '../steps/query.ts';
import { everyRepository, review } from '../steps/reviews.ts';

/**
 * Claims on bytes, and their opposite: bytes that a collector is deleting. A writer claims a digest, makes its bytes durable, and
 * records them in a transaction that ends the claim (`steps/claims.ts`). A claim need not survive power loss, because its
 * writer does not either. Times are milliseconds since 1970.
 */

/** Time after its deadline during which a deletion that was begun may still reach the blob store. */
export const lateMilliseconds = 120_000;

/**
 * Claims the digest until `until`. False while a collector deletes its bytes; a deletion whose collector has been silent for
 * too long is ended. The review finds bytes that the writer leaves without a record.
 */
export const take = withoutSync(
  concurrentWrite(function* (digest: Digest, claimant: string, now: number, until: number): Query<boolean> {
    yield* run('DELETE FROM purges WHERE digest = ? AND until < ?', digest, now - lateMilliseconds);
    if (yield* first('SELECT 1 FROM purges WHERE digest = ?', digest)) return false;
    yield* run('INSERT INTO claims (digest, claimant, until) VALUES (?, ?, ?)', digest, claimant, until);
    yield* review(everyRepository, digest, now);
    return true;
  }),
);

/** Prolongs the claim; one that was taken away stays away. */
export const renew = withoutSync(
  concurrentWrite(function* (digest: Digest, claimant: string, until: number): Query<void> {
    yield* run('UPDATE claims SET until = ? WHERE digest = ? AND claimant = ?', until, digest, claimant);
  }),
);

/** Ends a claim of a writer that does not record the bytes. */
export const release = withoutSync(
  concurrentWrite(function* (digest: Digest, claimant: string): Query<void> {
    yield* run('DELETE FROM claims WHERE digest = ? AND claimant = ?', digest, claimant);
  }),
);

/** True if a writer may still record the bytes of the digest: also by a claim that is over, until a collector takes it away. */
export const isClaimed = read(function* (digest: Digest): Query<boolean> {
  return (yield* first('SELECT 1 FROM claims WHERE digest = ? LIMIT 1', digest)) !== undefined;
});

/** Forgets claims that ended before `before`: what crashed writers left of content that others have recorded. */
export const forget = concurrentWrite(function* (before: number): Query<void> {
  yield* run('DELETE FROM claims WHERE until < ?', before);
});
