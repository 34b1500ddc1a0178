import type { Digest } from '../../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../../src/oci/reference.ts';
import { type Query, type Row, all, first, insertRows, read, run, write } from '../steps/query.ts';
import { byHand } from './pins.ts';
import { marksFor } from '../steps/removal.ts';

/** Mirrored content for people: what is large, what is used, what they have pinned. Times are milliseconds since 1970. */

export interface CachedContent {
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly usedAt: number;
  /** True if it was used again after its download. */
  readonly isUsedAgain: boolean;
  readonly isManifest: boolean;
  /** Pinned by the configuration, or by hand. */
  readonly isPinned: boolean;
  readonly isPinnedByHand: boolean;
  /** At most three repositories that have it. */
  readonly repositories: readonly RepositoryName[];
}

const columns = `c.digest AS "digest", c.size_bytes AS "sizeBytes", c.used_at AS "usedAt", c.is_protected AS "isUsedAgain",
  coalesce((SELECT 1 FROM manifests m WHERE m.digest = c.digest LIMIT 1), 0) AS "isManifest",
  coalesce((SELECT 1 FROM mirrored_pins p WHERE p.digest = c.digest LIMIT 1), 0) AS "isPinned",
  coalesce((SELECT 1 FROM mirrored_pins p WHERE p.digest = c.digest AND p.image = '${byHand}'), 0) AS "isPinnedByHand"`;

/** Lists mirrored content, the largest or the most recently used first. */
export const list = read(function* (by: 'size' | 'use', limit: number): Query<readonly CachedContent[]> {
  const rows = by === 'size' ? yield* listLargest(limit) : yield* listUsed(limit);
  const found: CachedContent[] = [];
  for (const row of rows) {
    const digest = row['digest'] as Digest;
    const repositories = yield* all<{ name: RepositoryName }>(
      `SELECT r.name AS "name" FROM (SELECT repository_id FROM links WHERE digest = ?
          UNION SELECT repository_id FROM manifests WHERE digest = ? LIMIT 3) h
         JOIN repositories r ON r.id = h.repository_id ORDER BY r.name`,
      digest,
      digest,
    );
    found.push({
      digest,
      sizeBytes: Number(row['sizeBytes']),
      usedAt: Number(row['usedAt']),
      isUsedAgain: row['isUsedAgain'] === 1,
      isManifest: row['isManifest'] === 1,
      isPinned: row['isPinned'] === 1,
      isPinnedByHand: row['isPinnedByHand'] === 1,
      repositories: repositories.map(({ name }) => name),
    });
  }
  return found;
});

function listLargest(limit: number): Query<readonly Row[]> {
  return all<Row>(`SELECT ${columns} FROM mirrored_content c ORDER BY c.size_bytes DESC, c.digest DESC LIMIT ?`, limit);
}

function* listUsed(limit: number): Query<readonly Row[]> {
  const segment = (isProtected: 0 | 1) =>
    all<Row>(
      `SELECT ${columns} FROM mirrored_content c WHERE c.is_protected = ${isProtected} ORDER BY c.used_at DESC, c.digest DESC LIMIT ?`,
      limit,
    );
  const rows = [...(yield* segment(1)), ...(yield* segment(0))];
  return rows.sort((one, other) => Number(other['usedAt']) - Number(one['usedAt'])).slice(0, limit);
}

/**
 * Pins content with everything that it references, for as long as `unpin` is not called. Resolves to the number of contents;
 * 0 if it is no mirrored content.
 */
export const pin = write(function* (digest: Digest, now: number): Query<number> {
  if (!(yield* first('SELECT 1 FROM mirrored_content WHERE digest = ?', digest))) return 0;
  const digests = yield* closure(digest);
  yield* insertRows(
    'INSERT INTO mirrored_pins (image, digest, pinned_at)',
    digests.map((one) => [byHand, one, now]),
    'ON CONFLICT (image, digest) DO UPDATE SET pinned_at = excluded.pinned_at',
  );
  return digests.length;
});

/** True if the content is pinned, by hand or by the configuration. */
export const isPinned = read(function* (digest: Digest): Query<boolean> {
  return (yield* first('SELECT 1 FROM mirrored_pins WHERE digest = ? LIMIT 1', digest)) !== undefined;
});

/** Ends the pin of content and of everything that it references. */
export const unpin = write(function* (digest: Digest): Query<void> {
  for (const one of yield* closure(digest)) yield* run('DELETE FROM mirrored_pins WHERE image = ? AND digest = ?', byHand, one);
});

/** Returns the digest and what it references, as an index does over its manifests: at most two levels. */
function* closure(digest: Digest): Query<readonly Digest[]> {
  const found = new Set<Digest>([digest]);
  let level: readonly Digest[] = [digest];
  for (let depth = 0; depth < 2 && level.length > 0; depth++) {
    const rows = yield* all<{ digest: Digest }>(
      `SELECT DISTINCT f.digest AS "digest" FROM manifests m
         JOIN manifest_references f ON f.repository_id = m.repository_id AND f.manifest = m.digest
        WHERE m.digest IN (${marksFor(level)}) LIMIT 5000`,
      ...level,
    );
    level = rows
      .map((row) => row.digest)
      .filter((one) => !found.has(one))
      .slice(0, 500);
    for (const one of rows) found.add(one.digest);
  }
  return [...found];
}
