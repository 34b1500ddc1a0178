import type { Digest } from '../../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../../src/oci/reference.ts';
import { type Query, type Row, decoder, first, read, run, write } from '../steps/query.ts';
import type { DatedAuthor } from '../steps/events.ts';
import { findParent } from '../steps/content.ts';
import { type HoldRecord, findHold } from '../steps/holds.ts';
import { purgeManifests } from '../steps/purge.ts';
import { recordRemoval } from '../steps/removal-events.ts';
import { type Removal, findTags, planRemoval } from '../steps/removal.ts';
import { reviewManifest } from '../steps/reviews.ts';
import { moveToTrash } from '../steps/trash.ts';

/** Deletion of manifests with what depends on them. Times are milliseconds since 1970. */

export interface Deletion {
  readonly repository: RepositoryName;
  readonly digest: Digest;
  /** Time for which the manifest can be restored, in milliseconds; 0: it is deleted at once. */
  readonly windowMilliseconds: number;
  /** Reason that the trash and the history of tags show; may be empty. */
  readonly reason: string;
  readonly cause: 'delete' | 'retention' | 'untagged';
  /** Tags that the caller has found deletable. Undefined: every tag is. */
  readonly deletableTags?: readonly string[] | undefined;
  /** Deletes only exactly this. Undefined: whatever goes along. */
  readonly expected?: Removal | undefined;
  readonly author: DatedAuthor;
}

/**
 * - `deleted`: `entryId` is null where nothing can be restored.
 * - `needed`: by the index `neededBy`. `held`: a person keeps it.
 * - `tagged`: it has `tags` that are not among the deletable ones.
 * - `changed`: it is not the same any more as expected.
 */
export type DeletionResult =
  | { readonly outcome: 'deleted'; readonly entryId: number | null; readonly removal: Removal }
  | { readonly outcome: 'unknown' }
  | { readonly outcome: 'needed'; readonly neededBy: Digest }
  | { readonly outcome: 'held'; readonly hold: HoldRecord }
  | { readonly outcome: 'tagged'; readonly tags: readonly string[] }
  | { readonly outcome: 'changed'; readonly removal: Removal };

/**
 * Deletes a manifest: moves it, its tags, and everything that nothing else keeps (`planRemoval`) into one entry of the trash. A
 * manifest that an index of the repository needs stays, and one with a hold.
 */
export const put = write(function* (deletion: Deletion): Query<DeletionResult> {
  const { repository, digest, author, windowMilliseconds, deletableTags, expected } = deletion;
  const now = author.at;
  const found = yield* findManifest(repository, digest);
  if (!found) return { outcome: 'unknown' };
  const refusal = yield* findRefusal(found.repositoryId, digest, now);
  if (refusal) return refusal;
  if (found.isMirrored) return yield* forgetMirrored(found.repositoryId, deletion);
  const removal = yield* planRemoval(found.repositoryId, digest, now);
  if (expected && !isSame(expected, removal)) return { outcome: 'changed', removal };
  const deletable = deletableTags && new Set(deletableTags);
  const tags = removal.tags.flatMap((tag) => (tag.digest !== digest || !deletable || deletable.has(tag.name) ? [] : [tag.name]));
  if (tags.length > 0) return { outcome: 'tagged', tags };
  const purgeAt = now + windowMilliseconds;
  const entryId = yield* moveToTrash({ ...deletion, repositoryId: found.repositoryId, purgeAt }, removal);
  yield* recordRemoval(author, 'manifest.delete', repository, removal);
  if (windowMilliseconds > 0) return { outcome: 'deleted', entryId, removal };
  yield* purgeManifests({ repositoryId: found.repositoryId, now, isUrgent: false }, removal.manifests);
  yield* run('DELETE FROM trash_entries WHERE id = ?', entryId);
  return { outcome: 'deleted', entryId: null, removal };
});

/** Returns what `put` would do, without doing it. */
export const preview = read(function* (repository: RepositoryName, digest: Digest, now: number): Query<DeletionResult> {
  const found = yield* findManifest(repository, digest);
  if (!found) return { outcome: 'unknown' };
  const refusal = yield* findRefusal(found.repositoryId, digest, now);
  if (refusal) return refusal;
  const removal = found.isMirrored
    ? yield* findMirrored(found.repositoryId, digest)
    : yield* planRemoval(found.repositoryId, digest, now);
  return { outcome: 'deleted', entryId: null, removal };
});

/**
 * Deletes mirrored content without the trash: it is fetched again when a client asks for it, and has an eviction of its own.
 */
function* forgetMirrored(repositoryId: number, { repository, digest, author }: Deletion): Query<DeletionResult> {
  const removal = yield* findMirrored(repositoryId, digest);
  yield* reviewManifest(repositoryId, digest, author.at);
  yield* run('DELETE FROM manifests WHERE repository_id = ? AND digest = ?', repositoryId, digest);
  yield* recordRemoval(author, 'manifest.delete', repository, removal);
  return { outcome: 'deleted', entryId: null, removal };
}

function* findMirrored(repositoryId: number, digest: Digest): Query<Removal> {
  return { manifests: [digest], tags: yield* findTags(repositoryId, [digest]) };
}

interface FoundManifest {
  readonly repositoryId: number;
  readonly isMirrored: boolean;
}

const toFound = decoder<FoundManifest>('isMirrored');

function* findManifest(repository: RepositoryName, digest: Digest): Query<FoundManifest | undefined> {
  const row = yield* first<Row>(
    `SELECT r.id AS "repositoryId",
            coalesce((SELECT 1 FROM mirrored_repositories x WHERE x.repository_id = r.id), 0) AS "isMirrored"
       FROM repositories r JOIN manifests m ON m.repository_id = r.id AND m.digest = ? WHERE r.name = ?`,
    digest,
    repository,
  );
  return row && toFound(row);
}

function* findRefusal(repositoryId: number, digest: Digest, now: number): Query<DeletionResult | undefined> {
  const neededBy = yield* findParent(repositoryId, digest);
  if (neededBy !== undefined) return { outcome: 'needed', neededBy };
  const hold = yield* findHold(repositoryId, digest, now);
  return hold && { outcome: 'held', hold };
}

function isSame(one: Removal, other: Removal): boolean {
  const textOf = ({ manifests, tags }: Removal) =>
    JSON.stringify([manifests.toSorted(), tags.map(({ name, digest }) => `${name} ${digest}`).sort()]);
  return textOf(one) === textOf(other);
}
