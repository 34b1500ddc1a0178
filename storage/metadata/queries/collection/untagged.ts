import type { Digest } from '../../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../../src/oci/reference.ts';
import { put as deleteManifest } from '../trash/deletions.ts';
import { findHold } from '../steps/holds.ts';
import { type Query, first, run, write } from '../steps/query.ts';
import { type NeededTimes, isAttached, lastNeededAt, neededTimes } from '../steps/untagged.ts';

/** Deletion of untagged manifests, where the configuration asks for it. Times are milliseconds since 1970. */

export interface UntaggedReview {
  readonly repository: RepositoryName;
  readonly digest: Digest;
  readonly now: number;
  /** Time for which the manifest can be restored, in milliseconds; 0: not at all. */
  readonly windowMilliseconds: number;
}

interface FoundManifest extends NeededTimes {
  readonly repositoryId: number;
  readonly isAttached: number;
  readonly untaggedMs: number | null;
}

const day = 24 * 3_600_000;

/**
 * Decides the review of a manifest. Deletes it, with what only it keeps, if it has been untagged and neither pushed nor
 * pulled for the configured time. Returns how many manifests were deleted. Postpones the review if the manifest may be
 * deleted later, and drops it if something else keeps the manifest: whatever takes that away writes a review again.
 */
export const expire = write(function* ({ repository, digest, now, windowMilliseconds }: UntaggedReview): Query<number> {
  const manifest = yield* first<FoundManifest>(
    `SELECT m.repository_id AS "repositoryId", ${isAttached} AS "isAttached", ${neededTimes},
            c.untagged_ms AS "untaggedMs"
       FROM repositories r JOIN manifests m ON m.repository_id = r.id AND m.digest = ? JOIN collection c ON c.id = 1
      WHERE r.name = ? AND NOT EXISTS (SELECT 1 FROM mirrored_repositories x WHERE x.repository_id = r.id)`,
    digest,
    repository,
  );
  const dueAt = manifest ? yield* findDueTime(manifest, digest, now) : undefined;
  if (dueAt !== undefined && dueAt > now) {
    yield* run(
      'UPDATE reviews SET due_at = ? WHERE repository_id = ? AND digest = ?',
      dueAt,
      manifest?.repositoryId ?? 0,
      digest,
    );
    return 0;
  }
  yield* run(
    'DELETE FROM reviews WHERE repository_id = (SELECT id FROM repositories WHERE name = ?) AND digest = ?',
    repository,
    digest,
  );
  if (dueAt === undefined) return 0;
  const result = yield* deleteManifest({
    repository,
    digest,
    windowMilliseconds,
    reason: `untagged, and neither pushed nor pulled for ${Math.floor((manifest?.untaggedMs ?? 0) / day)} days`,
    cause: 'untagged',
    deletableTags: [],
    author: { actor: 'garbage collection', address: '', at: now },
  });
  return result.outcome === 'deleted' ? result.removal.manifests.length : 0;
});

/** Returns when the manifest may be deleted; undefined while something keeps it without an end. */
function* findDueTime(manifest: FoundManifest, digest: Digest, now: number): Query<number | undefined> {
  const { repositoryId, untaggedMs, isAttached: isKept } = manifest;
  if (untaggedMs === null || isKept === 1) return undefined;
  const hold = yield* findHold(repositoryId, digest, now);
  if (hold && hold.until === null) return undefined;
  return Math.max(lastNeededAt(manifest, now) + untaggedMs, hold?.until ?? 0);
}
