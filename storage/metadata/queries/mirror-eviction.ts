import { type Query, all, first, run } from './query.ts';
import { holdSize } from './content.ts';

/** How mirrored content is counted, and how it leaves. Each is one transaction. Times are milliseconds since 1970. */

/**
 * Counts in what is about to be stored, if there is room: all that the mirror has is `mostBytes` at most afterwards. Says
 * whether there was. `recordMirroredBlob` and `recordMirroredManifest` end it, or `endTransits`.
 */
export function* reserveRoom(digest: string, sizeBytes: number, maxBytes: number, now: number): Query<boolean> {
  const row = yield* first(
    `UPDATE mirrored_size SET content_bytes = content_bytes
      WHERE id = 1 AND content_bytes + transit_bytes + CAST(? AS BIGINT) <= CAST(? AS BIGINT) RETURNING id`,
    sizeBytes,
    maxBytes,
  );
  if (!row) return false;
  yield* recordTransit(digest, 0, sizeBytes, now);
  return true;
}

function* recordTransit(digest: string, isLeaving: 0 | 1, sizeBytes: number, now: number): Query<void> {
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
export function* renewArrivals(digests: readonly string[], now: number): Query<void> {
  // In one order: writers that run beside each other must not wait for each other in a circle.
  for (const digest of digests.toSorted()) {
    yield* run('UPDATE mirrored_transits SET since = ? WHERE digest = ? AND is_leaving = 0', now, digest);
  }
}

/** The content has come, or left, or will do neither. */
export function* endTransits(digests: readonly string[], isLeaving: boolean): Query<void> {
  yield* holdSize();
  for (const digest of digests) {
    yield* run('DELETE FROM mirrored_transits WHERE digest = ? AND is_leaving = ?', digest, isLeaving ? 1 : 0);
  }
}

/** Forgets content whose bytes are gone, whichever repositories have it: they can get it again. */
export function* forgetContent(digest: string): Query<void> {
  yield* holdSize();
  for (const table of ['links', 'manifests', 'mirrored_content', 'blobs']) {
    yield* run(`DELETE FROM ${table} WHERE digest = ?`, digest);
  }
}

/** What is known only because of the manifest, which is about to go. */
function* forgetTagsAndPromises(repositoryId: number, manifest: string): Query<void> {
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

/** Runs alone (see `additions.ts`): nothing can come into the repository between the look and the deletion. */
function* forgetEmptyRepository(id: number): Query<void> {
  const tables = ['links', 'manifests', 'mirrored_tags', 'mirrored_promises'];
  const absent = tables.map((table) => `NOT EXISTS (SELECT 1 FROM ${table} WHERE repository_id = ?)`).join(' AND ');
  yield* run(
    `DELETE FROM repositories WHERE id = ? AND id IN (SELECT repository_id FROM mirrored_repositories) AND ${absent}`,
    id,
    ...tables.map(() => id),
  );
}

/**
 * Takes the content out of every mirrored repository. True where no other repository has it: then it exists no longer
 * and its bytes may go; until `endTransits` they are counted as leaving. `keepsTags`: its bytes were lost and are to be
 * fetched again, so that tags still point at the manifest and what it names is still known.
 */
export function* evictContent(digest: string, now: number, keepsTags = false): Query<boolean> {
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
  const kept = yield* first(
    'SELECT 1 FROM links WHERE digest = ? UNION ALL SELECT 1 FROM manifests WHERE digest = ? LIMIT 1',
    digest,
    digest,
  );
  if (kept) return false;
  yield* run('DELETE FROM blobs WHERE digest = ?', digest);
  if (content) yield* recordTransit(digest, 1, content.sizeBytes, now);
  return true;
}
