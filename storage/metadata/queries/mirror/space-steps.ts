import { type Query, run } from '../steps/query.ts';

/** A step that writes share: it runs within its caller's transaction. */

/**
 * First in every write that changes the row of sums: where several run beside each other, none waits for another in a
 * circle.
 */
export function* holdSize(): Query<void> {
  yield* run('UPDATE mirrored_size SET content_bytes = content_bytes WHERE id = 1');
}
