import { type Query, insertRows, run } from './query.ts';

/** Which mirrored content is never evicted. Each is one transaction. Times are milliseconds since 1970. */

/** Keeps the content, whether it is here or still to come, for as long as the image has pins on it. */
export function* pinContent(image: string, digests: readonly string[], now: number): Query<void> {
  yield* insertRows(
    'INSERT INTO mirrored_pins (image, digest, pinned_at)',
    digests.map((digest) => [image, digest, now]),
    'ON CONFLICT (image, digest) DO UPDATE SET pinned_at = excluded.pinned_at',
  );
}

/** Lets go of what the image had pinned before `before` and not again since. */
export function* dropPins(image: string, before: number): Query<void> {
  yield* run('DELETE FROM mirrored_pins WHERE image = ? AND pinned_at < ?', image, before);
}
