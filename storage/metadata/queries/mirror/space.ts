import type { Digest } from '../../../../src/oci/digest.ts';
import { type Query, all, concurrentWrite, first, read, run, write } from '../steps/query.ts';
import { isAdopting } from '../steps/adoption.ts';
import { isRestoring } from '../steps/backups.ts';
import { everyRepository, review } from '../steps/reviews.ts';
import { holdSize } from './space-steps.ts';

/** Space of the mirror: its size, reservations, and eviction. Times are milliseconds since 1970. */

/** Sizes of mirrored content in bytes, for all processes that share the store. One row holds the sums: no query adds them up. */
export interface MirrorSize {
  /** All stored content that came from upstreams. */
  readonly contentBytes: number;
  /** The part of it that was used again after its download. */
  readonly protectedBytes: number;
  /** Further bytes: reserved for content that is being stored, or evicted and not deleted yet. */
  readonly transitBytes: number;
}

export interface MirroredContentRecord {
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly usedAt: number;
}

export const size = read(function* (): Query<MirrorSize> {
  const size = yield* first<MirrorSize>(
    `SELECT content_bytes AS "contentBytes", protected_bytes AS "protectedBytes", transit_bytes AS "transitBytes"
       FROM mirrored_size WHERE id = 1`,
  );
  return size ?? { contentBytes: 0, protectedBytes: 0, transitBytes: 0 };
});

/**
 * Lists mirrored content without pins, least recently used first. `isProtected`: content that was used again after its
 * download.
 */
export const listLeastRecentlyUsed = read(function* (
  isProtected: boolean,
  limit: number,
): Query<readonly MirroredContentRecord[]> {
  return yield* all<MirroredContentRecord>(
    `SELECT digest AS "digest", size_bytes AS "sizeBytes", used_at AS "usedAt"
       FROM mirrored_content c
      WHERE is_protected = ? AND NOT EXISTS (SELECT 1 FROM mirrored_pins p WHERE p.digest = c.digest)
      ORDER BY used_at, digest LIMIT ?`,
    isProtected ? 1 : 0,
    limit,
  );
});

/** Finds mirrored content. */
export const find = read(function* (digest: Digest): Query<{ readonly sizeBytes: number } | undefined> {
  return yield* first<{ readonly sizeBytes: number }>(
    'SELECT size_bytes AS "sizeBytes" FROM mirrored_content WHERE digest = ?',
    digest,
  );
});

/** Lists reservations from before `since`, oldest first: their processes may have crashed. `isLeaving`: evicted content. */
export const listReservations = read(function* (
  since: number,
  isLeaving: boolean,
  limit: number,
): Query<readonly { readonly digest: Digest }[]> {
  return yield* all<{ readonly digest: Digest }>(
    'SELECT digest AS "digest" FROM mirrored_transits WHERE is_leaving = ? AND since < ? ORDER BY since LIMIT ?',
    isLeaving ? 1 : 0,
    since,
    limit,
  );
});

/**
 * Reserves space for content that is about to be stored. False if all mirrored content would then have more than `maxBytes`.
 * `recordBlob` and `recordManifest` of mirrored content end the reservation, or `release`.
 */
export const reserve = concurrentWrite(function* (
  digest: Digest,
  sizeBytes: number,
  maxBytes: number,
  now: number,
): Query<boolean> {
  const row = yield* first(
    `UPDATE mirrored_size SET content_bytes = content_bytes
      WHERE id = 1 AND content_bytes + transit_bytes + CAST(? AS BIGINT) <= CAST(? AS BIGINT) RETURNING id`,
    sizeBytes,
    maxBytes,
  );
  if (!row) return false;
  yield* recordTransit(digest, 0, sizeBytes, now);
  return true;
});

function* recordTransit(digest: Digest, isLeaving: 0 | 1, sizeBytes: number, now: number): Query<void> {
  yield* run(
    `INSERT INTO mirrored_transits (digest, is_leaving, size_bytes, since) VALUES (?, ?, ?, ?)
     ON CONFLICT (digest, is_leaving) DO NOTHING`,
    digest,
    isLeaving,
    sizeBytes,
    now,
  );
}

/** Renews the reservations of content that is still being stored. */
export const renewReservations = concurrentWrite(function* (digests: readonly Digest[], now: number): Query<void> {
  // Sorted: concurrent writers that lock rows in different orders would deadlock.
  for (const digest of digests.toSorted()) {
    yield* run('UPDATE mirrored_transits SET since = ? WHERE digest = ? AND is_leaving = 0', now, digest);
  }
});

/** Ends reservations: the content is stored, or deleted, or the attempt has failed. */
export const release = concurrentWrite(function* (digests: readonly Digest[], isLeaving: boolean): Query<void> {
  yield* holdSize();
  for (const digest of digests) {
    yield* run('DELETE FROM mirrored_transits WHERE digest = ? AND is_leaving = ?', digest, isLeaving ? 1 : 0);
  }
});

/** Deletes the tags and the expected content that only this manifest names. It is about to be deleted. */
function* forgetTagsAndPromises(repositoryId: number, manifest: Digest): Query<void> {
  yield* run(
    `DELETE FROM mirrored_tags WHERE repository_id = ?
        AND name IN (SELECT name FROM tags WHERE repository_id = ? AND digest = ?)`,
    repositoryId,
    repositoryId,
    manifest,
  );
  yield* run(
    `DELETE FROM mirrored_promises WHERE repository_id = ?
        AND digest IN (SELECT digest FROM manifest_references WHERE repository_id = ? AND manifest = ?)
        AND NOT EXISTS (SELECT 1 FROM manifest_references o WHERE o.repository_id = mirrored_promises.repository_id
                           AND o.digest = mirrored_promises.digest AND o.manifest <> ?)`,
    repositoryId,
    repositoryId,
    manifest,
    manifest,
  );
}

/** Only for exclusive writes: no concurrent write may add content between the check and the deletion. */
function* forgetEmptyRepository(id: number): Query<void> {
  const tables = ['links', 'manifests', 'mirrored_tags', 'mirrored_promises', 'trash_entries'];
  const absent = tables.map((table) => `NOT EXISTS (SELECT 1 FROM ${table} WHERE repository_id = ?)`).join(' AND ');
  yield* run(
    `DELETE FROM repositories WHERE id = ? AND id IN (SELECT repository_id FROM mirrored_repositories) AND ${absent}`,
    id,
    ...tables.map(() => id),
  );
}

/**
 * Removes the content from every mirrored repository. True if no other repository has it and no writer relies on its bytes: then
 * the bytes may be deleted, and count as leaving until `release`. `keepsTags`: the bytes are missing and will be fetched again,
 * so tags still point at the manifest, and the content that it names stays expected.
 */
export const evict = write(function* (digest: Digest, now: number, keepsTags = false): Query<boolean> {
  yield* holdSize();
  for (const table of ['links', 'manifests']) {
    const rows = yield* all<{ id: number }>(
      `SELECT repository_id AS "id" FROM ${table}
        WHERE digest = ? AND repository_id IN (SELECT repository_id FROM mirrored_repositories)`,
      digest,
    );
    for (const { id } of rows) {
      if (table === 'manifests' && !keepsTags) yield* forgetTagsAndPromises(id, digest);
      yield* run(`DELETE FROM ${table} WHERE repository_id = ? AND digest = ?`, id, digest);
      yield* forgetEmptyRepository(id);
    }
  }
  const content = yield* first<{ sizeBytes: number }>(
    'DELETE FROM mirrored_content WHERE digest = ? RETURNING size_bytes AS "sizeBytes"',
    digest,
  );
  const holders = ['links', 'manifests', 'trashed_manifests'];
  const kept = yield* first(
    `${holders.map((table) => `SELECT 1 FROM ${table} WHERE digest = ?`).join(' UNION ALL ')} LIMIT 1`,
    ...holders.map(() => digest),
  );
  // While a store is being adopted its links are not all recorded.
  if (kept || (yield* isAdopting())) return false;
  const isClaimed = yield* first('SELECT 1 FROM claims WHERE digest = ? AND until > ? LIMIT 1', digest, now);
  if (isClaimed || (yield* isRestoring())) {
    // The writer or the restore may record these bytes: the collector decides when the claim is over, or the restore is complete.
    yield* review(everyRepository, digest, now);
    return false;
  }
  yield* run('DELETE FROM claims WHERE digest = ?', digest);
  yield* run('DELETE FROM blobs WHERE digest = ?', digest);
  if (content) yield* recordTransit(digest, 1, content.sizeBytes, now);
  return true;
});
