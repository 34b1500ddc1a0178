import type { Digest } from '../../../../src/oci/digest.ts';
import { type Query, all, first, insertRows, read, run, write } from '../steps/query.ts';

/** Mirrored content that is never evicted. Times are milliseconds since 1970. */

/** The name under which people pin content, beside the images of the configuration: no image has it. */
export const byHand = 'by hand';

/** Lists the images that pin content; not what people have pinned by hand. */
export const listImages = read(function* (): Query<readonly string[]> {
  const rows = yield* all<{ image: string }>(`SELECT DISTINCT image AS "image" FROM mirrored_pins WHERE image <> '${byHand}'`);
  return rows.map(({ image }) => image);
});

/** Returns the bytes of all pinned content that is stored. */
export const totalBytes = read(function* (): Query<number> {
  const row = yield* first<{ total: number | string | null }>(
    `SELECT sum(size_bytes) AS "total" FROM mirrored_content
      WHERE digest IN (SELECT digest FROM mirrored_pins)`,
  );
  return Number(row?.total ?? 0);
});

/** Pins the content, stored or not, for the image: pinned content is not evicted. */
export const put = write(function* (image: string, digests: readonly Digest[], now: number): Query<void> {
  yield* insertRows(
    'INSERT INTO mirrored_pins (image, digest, pinned_at)',
    digests.map((digest) => [image, digest, now]),
    'ON CONFLICT (image, digest) DO UPDATE SET pinned_at = excluded.pinned_at',
  );
});

/** Removes the pins of the image that were last set before `before`. */
export const removeBefore = write(function* (image: string, before: number): Query<void> {
  yield* run('DELETE FROM mirrored_pins WHERE image = ? AND pinned_at < ?', image, before);
});
