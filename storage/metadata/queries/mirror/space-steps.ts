import { type Query, run } from '../steps/query.ts';

/** A step that writes share: it runs within its caller's transaction. */

/**
 * Locks the row of sums. To be called first in every write that changes it: concurrent writers that lock rows in different orders
 * would deadlock.
 */
export function* holdSize(): Query<void> {
  yield* run('UPDATE mirrored_size SET content_bytes = content_bytes WHERE id = 1');
}
