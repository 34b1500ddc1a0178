import type { Digest } from '../../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../../src/oci/reference.ts';
import { type Query, all, batches, first, run } from './query.ts';
import { marksFor } from './removal.ts';
import { recordUnlinked } from './removal-events.ts';
import { everyRepository, never, reviewSelected, reviewSelectedNow } from './reviews.ts';

export interface Purge {
  readonly repositoryId: number;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** True if a person deletes it for good: the repository stops to serve its blobs at once, and the bytes go soon. */
  readonly isUrgent: boolean;
  /** True if blobs with a review that is not due yet stay: a client was told that they exist. */
  readonly sparesPending?: boolean;
}

/** Deletes manifests in the trash for good. Only for writes that run alone. */
export function* purgeManifests(
  { repositoryId, now, isUrgent, sparesPending = false }: Purge,
  manifests: readonly Digest[],
): Query<void> {
  const reviewRows = isUrgent ? reviewSelectedNow : reviewSelected;
  const bytes = `SELECT ${everyRepository} AS repository_id, digest`;
  for (const batch of batches(manifests)) {
    const chosen = `FROM trashed_manifests WHERE repository_id = ? AND digest IN (${marksFor(batch)})`;
    const blobs = isUrgent ? yield* findBlobs(repositoryId, batch) : [];
    yield* reviewRows(`${bytes} ${chosen}`, [repositoryId, ...batch], now);
    for (const digest of batch) {
      // In an urgent purge the links are removed here, and only the bytes are left to review.
      const referenced = 'FROM trashed_references WHERE repository_id = ? AND manifest = ?';
      yield* reviewRows(`${isUrgent ? bytes : 'SELECT repository_id, digest'} ${referenced}`, [repositoryId, digest], now);
    }
    yield* run(`DELETE ${chosen}`, repositoryId, ...batch);
    yield* unlinkUnneeded(repositoryId, blobs, now, sparesPending ? now : never);
  }
}

function* findBlobs(repositoryId: number, manifests: readonly Digest[]): Query<readonly Digest[]> {
  const rows = yield* all<{ digest: Digest }>(
    `SELECT digest AS "digest" FROM trashed_references WHERE repository_id = ? AND manifest IN (${marksFor(manifests)})`,
    repositoryId,
    ...manifests,
  );
  return [...new Set(rows.map(({ digest }) => digest))];
}

/**
 * Takes blobs out of the repository that none of its manifests needs, live or in the trash; but not those with a review
 * that is due after `pendingSince`.
 */
function* unlinkUnneeded(repositoryId: number, blobs: readonly Digest[], now: number, pendingSince: number): Query<void> {
  if (blobs.length === 0) return;
  const found = yield* first<{ name: RepositoryName }>('SELECT name AS "name" FROM repositories WHERE id = ?', repositoryId);
  if (!found) return;
  for (const batch of batches(blobs)) {
    const neededBy = (table: string) =>
      `EXISTS (SELECT 1 FROM ${table} x WHERE x.repository_id = links.repository_id AND x.digest = links.digest)`;
    const unlinked = yield* all<{ digest: Digest }>(
      `DELETE FROM links WHERE repository_id = ? AND digest IN (${marksFor(batch)})
          AND NOT ${neededBy('manifest_references')} AND NOT ${neededBy('trashed_references')}
          AND NOT EXISTS (SELECT 1 FROM reviews v WHERE v.repository_id = links.repository_id AND v.digest = links.digest
                             AND v.due_at > ?)
        RETURNING digest AS "digest"`,
      repositoryId,
      ...batch,
      pendingSince,
    );
    yield* recordUnlinked(
      unlinked.map(({ digest }) => ({ repository: found.name, digest })),
      now,
    );
  }
}
