import type { Digest } from '../../../../src/oci/digest.ts';
import { type Query, all, first, insertRows, read, run, write } from '../steps/query.ts';

/** Mirrored content that is never evicted. Times are milliseconds since 1970. */

/** Images that pin content. */
export const listImages = read(function* (): Query<readonly string[]> {
  const rows = yield* all<{ image: string }>('SELECT DISTINCT image AS "image" FROM mirrored_pins');
  return rows.map(({ image }) => image);
});

/** Bytes of pinned content that is here. */
export const totalBytes = read(function* (): Query<number> {
  const row = yield* first<{ total: number | string | null }>(
    `SELECT sum(size_bytes) AS "total" FROM mirrored_content
      WHERE digest IN (SELECT digest FROM mirrored_pins)`,
  );
  return Number(row?.total ?? 0);
});

/** Keeps the content, whether it is here or still to come, for as long as the image has pins on it. */
export const put = write(function* (image: string, digests: readonly Digest[], now: number): Query<void> {
  yield* insertRows(
    'INSERT INTO mirrored_pins (image, digest, pinned_at)',
    digests.map((digest) => [image, digest, now]),
    'ON CONFLICT (image, digest) DO UPDATE SET pinned_at = excluded.pinned_at',
  );
});

/** Lets go of what the image had pinned before `before` and not again since. */
export const removeBefore = write(function* (image: string, before: number): Query<void> {
  yield* run('DELETE FROM mirrored_pins WHERE image = ? AND pinned_at < ?', image, before);
});
