import type { Digest } from '../../../../src/oci/digest.ts';
import { type Query, all, concurrentWrite, first, read, run, write } from '../steps/query.ts';
import { everyRepository, review, reviewSelected } from '../steps/reviews.ts';
import { holdSize } from './space-steps.ts';

/** Space of the mirror: its size, reservations, and eviction. Times are milliseconds since 1970. */

/** How much the mirror has, for all processes that share the store: kept in one row, summed up by nobody. */
export interface MirrorSize {
  /** Of everything that came from upstreams and is kept. */
  readonly contentBytes: number;
  /** The part of it that was used again after it came. */
  readonly protectedBytes: number;
  /** What the store has or is about to have beside it: on its way in, or out. */
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

/** Mirrored content that nothing pins, least recently used first: what was used once, or what was used again. */
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

/** What has been on its way in or out since before `since`, oldest first: whoever moved it may have died. */
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
 * Counts in what is about to be stored, if there is room: all that the mirror has is `mostBytes` at most afterwards. Says
 * whether there was. `recordBlob` and `recordManifest` of mirrored content end it, or `release`.
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

/** The content is still on its way in: its bytes stay counted. */
export const renewReservations = concurrentWrite(function* (digests: readonly Digest[], now: number): Query<void> {
  // In one order: writers that run beside each other must not wait for each other in a circle.
  for (const digest of digests.toSorted()) {
    yield* run('UPDATE mirrored_transits SET since = ? WHERE digest = ? AND is_leaving = 0', now, digest);
  }
});

/** The content has come, or left, or will do neither. */
export const release = concurrentWrite(function* (digests: readonly Digest[], isLeaving: boolean): Query<void> {
  yield* holdSize();
  for (const digest of digests) {
    yield* run('DELETE FROM mirrored_transits WHERE digest = ? AND is_leaving = ?', digest, isLeaving ? 1 : 0);
  }
});

/** Forgets content whose bytes are gone, whichever repositories have it: they can get it again. */
export const forget = write(function* (digest: Digest, now: number): Query<void> {
  yield* holdSize();
  for (const [manifests, references] of [
    ['manifests', 'manifest_references'],
    ['trashed_manifests', 'trashed_references'],
  ]) {
    const referenced = `SELECT r.repository_id, r.digest FROM ${manifests} m
      JOIN ${references} r ON r.repository_id = m.repository_id AND r.manifest = m.digest WHERE m.digest = ?`;
    yield* reviewSelected(referenced, [digest], now);
  }
  for (const table of ['links', 'manifests', 'trashed_manifests', 'mirrored_content', 'blobs']) {
    yield* run(`DELETE FROM ${table} WHERE digest = ?`, digest);
  }
});

/** What is known only because of the manifest, which is about to go. */
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

/** Runs only in writes that run alone: nothing can come into the repository between the look and the deletion. */
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
 * Takes the content out of every mirrored repository. True where no other repository has it and no writer relies on its bytes:
 * then it exists no longer and its bytes may go; until `release` they are counted as leaving. `keepsTags`: its bytes were lost and are to be
 * fetched again, so that tags still point at the manifest and what it names is still known.
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
  if (kept) return false;
  if (yield* first('SELECT 1 FROM claims WHERE digest = ? AND until > ? LIMIT 1', digest, now)) {
    // The writer may find these bytes and record them: the collector decides when the claim is over.
    yield* review(everyRepository, digest, now);
    return false;
  }
  yield* run('DELETE FROM claims WHERE digest = ?', digest);
  yield* run('DELETE FROM blobs WHERE digest = ?', digest);
  if (content) yield* recordTransit(digest, 1, content.sizeBytes, now);
  return true;
});
