import type { Digest } from '../../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../../src/oci/reference.ts';
import { type Query, type Row, all, batches, decoder, first, run, write } from '../steps/query.ts';
import type { DatedAuthor } from '../steps/events.ts';
import { becomePushed, pointTag } from '../steps/content.ts';
import { recordRemoval } from '../steps/removal-events.ts';
import { type TagRecord, marksFor } from '../steps/removal.ts';
import { withinQuotas } from '../steps/quotas.ts';
import { recordTagChanges } from '../steps/tag-history.ts';
import { moveOutOfTrash } from '../steps/trash.ts';

/** Restoration of deleted manifests. Times are milliseconds since 1970. */

export interface Restoration {
  readonly repository: RepositoryName;
  readonly entryId: number;
  /** Other names for tags of the entry. */
  readonly renames: Readonly<Record<string, string>>;
  /** If a tag points at another manifest now: `refuse` refuses the restoration, `keep` leaves the tag as it is. */
  readonly movedTags: 'refuse' | 'keep';
  /** Restore manifests although blobs that they reference were deleted. */
  readonly acceptMissing: boolean;
  /** True if quotas are configured. */
  readonly isLimited?: boolean;
  readonly author: DatedAuthor;
}

/**
 * - `restored`: `left` are tags that were not restored, because they point at other manifests or their manifest is gone.
 * - `moved`: `tags` point at other manifests now.
 * - `missing`: the repository no longer has the blobs `digests`.
 */
export type RestorationResult =
  | {
      readonly outcome: 'restored';
      readonly manifests: number;
      readonly tags: readonly TagRecord[];
      readonly left: readonly TagRecord[];
    }
  | { readonly outcome: 'unknown' }
  | { readonly outcome: 'moved'; readonly tags: readonly TagRecord[] }
  | { readonly outcome: 'missing'; readonly digests: readonly Digest[] };

/**
 * Brings an entry of the trash back whole: its manifests, those of other entries that they contain, and its tags. Changes
 * nothing unless it can do all of it. Rejects `QuotaRefusal` if its tags would exceed a quota.
 */
export const put = write(function* (restoration: Restoration): Query<RestorationResult> {
  return yield* withinQuotas(restoration.repository, restoration.isLimited === true, () => restore(restoration));
});

function* restore(restoration: Restoration): Query<RestorationResult> {
  const { repository, entryId, author } = restoration;
  const entry = yield* findEntry(repository, entryId, author.at);
  if (!entry) return { outcome: 'unknown' };
  const { repositoryId } = entry;
  const { tags, moved } = yield* findTags(restoration, repositoryId);
  if (moved.length > 0 && restoration.movedTags === 'refuse') return { outcome: 'moved', tags: moved };
  const { manifests, missing } = yield* findManifests(repositoryId, entryId);
  if (missing.length > 0 && !restoration.acceptMissing) return { outcome: 'missing', digests: missing };
  yield* becomePushed(repository);
  yield* moveOutOfTrash(repositoryId, manifests, author.at);
  const live = yield* findLive(repositoryId, tags);
  const restored = tags.filter((tag) => live.has(tag.digest));
  for (const tag of restored) yield* pointTag(repositoryId, tag.name, tag.digest, author.at);
  const changes = restored.map((tag) => ({ name: tag.name, from: null, to: tag.digest }));
  yield* recordTagChanges(repositoryId, changes, author, 'restored from the trash');
  yield* run('DELETE FROM trash_entries WHERE id = ?', entryId);
  yield* recordRemoval(author, 'manifest.restore', repository, { manifests, tags: restored });
  const left = [...moved, ...tags.filter((tag) => !live.has(tag.digest))];
  return { outcome: 'restored', manifests: manifests.length, tags: restored, left };
}

function findEntry(
  repository: RepositoryName,
  entryId: number,
  now: number,
): Query<{ readonly repositoryId: number } | undefined> {
  return first(
    `SELECT e.repository_id AS "repositoryId" FROM trash_entries e
       JOIN repositories r ON r.id = e.repository_id WHERE e.id = ? AND r.name = ? AND e.purge_at > ?`,
    entryId,
    repository,
    now,
  );
}

interface FoundTags {
  /** Under their new names; those that point at the same manifest already are not among them. */
  readonly tags: readonly TagRecord[];
  /** With the digests that they point at now. */
  readonly moved: readonly TagRecord[];
}

function* findTags({ entryId, renames }: Restoration, repositoryId: number): Query<FoundTags> {
  const rows = yield* all<TagRecord>(
    'SELECT name AS "name", digest AS "digest" FROM trashed_tags WHERE entry_id = ? ORDER BY name',
    entryId,
  );
  const wanted = rows.map(({ name, digest }) => ({ name: renames[name] ?? name, digest }));
  const targets = new Map<string, Digest>();
  for (const batch of batches(wanted.map(({ name }) => name))) {
    const found = yield* all<TagRecord>(
      `SELECT name AS "name", digest AS "digest" FROM tags WHERE repository_id = ? AND name IN (${marksFor(batch)})`,
      repositoryId,
      ...batch,
    );
    for (const { name, digest } of found) targets.set(name, digest);
  }
  const tags = wanted.filter(({ name }) => !targets.has(name));
  const moved = wanted.flatMap(({ name, digest }) => {
    const target = targets.get(name);
    return target === undefined || target === digest ? [] : [{ name, digest: target }];
  });
  return { tags, moved };
}

interface FoundManifests {
  /** Of the entry, and of other entries if the first ones contain them. */
  readonly manifests: readonly Digest[];
  readonly missing: readonly Digest[];
}

interface Reference {
  readonly digest: Digest;
  readonly isTrashed: boolean;
  /** True if the repository has it, as a manifest or as a blob, or did not have it before the deletion either. */
  readonly isThere: boolean;
}

const toReference = decoder<Reference>('isTrashed', 'isThere');

function* findManifests(repositoryId: number, entryId: number): Query<FoundManifests> {
  const own = 'SELECT digest AS "digest" FROM trashed_manifests WHERE entry_id = ?';
  const tagged = `SELECT m.digest AS "digest" FROM trashed_tags t
     JOIN trashed_manifests m ON m.repository_id = t.repository_id AND m.digest = t.digest WHERE t.entry_id = ?`;
  const manifests = new Set<Digest>();
  for (const select of [own, tagged]) {
    for (const { digest } of yield* all<{ digest: Digest }>(select, entryId)) manifests.add(digest);
  }
  const missing = new Set<Digest>();
  for (let wave: readonly Digest[] = [...manifests]; wave.length > 0;) {
    const contained = new Set<Digest>();
    for (const { digest, isTrashed, isThere } of yield* findReferences(repositoryId, wave)) {
      if (isTrashed && !manifests.has(digest)) contained.add(digest);
      if (!isTrashed && !isThere) missing.add(digest);
    }
    for (const digest of contained) manifests.add(digest);
    wave = [...contained];
  }
  return { manifests: [...manifests], missing: [...missing] };
}

function* findReferences(repositoryId: number, manifests: readonly Digest[]): Query<readonly Reference[]> {
  const found: Reference[] = [];
  // Scalar subqueries: PostgreSQL reads whole tables for EXISTS in a list of columns.
  const has = (table: string) =>
    `(SELECT 1 FROM ${table} x WHERE x.repository_id = f.repository_id AND x.digest = f.digest LIMIT 1)`;
  for (const batch of batches(manifests)) {
    const rows = yield* all<Row>(
      `SELECT f.digest AS "digest", coalesce(${has('trashed_manifests')}, 0) AS "isTrashed",
              coalesce(${has('manifests')}, ${has('links')}, f.was_missing) AS "isThere"
         FROM trashed_references f WHERE f.repository_id = ? AND f.manifest IN (${marksFor(batch)})`,
      repositoryId,
      ...batch,
    );
    for (const row of rows) found.push(toReference(row));
  }
  return found;
}

/** Returns the digests of manifests that are live. */
function* findLive(repositoryId: number, tags: readonly TagRecord[]): Query<ReadonlySet<Digest>> {
  const found = new Set<Digest>();
  for (const batch of batches([...new Set(tags.map(({ digest }) => digest))])) {
    const rows = yield* all<{ digest: Digest }>(
      `SELECT digest AS "digest" FROM manifests WHERE repository_id = ? AND digest IN (${marksFor(batch)})`,
      repositoryId,
      ...batch,
    );
    for (const { digest } of rows) found.add(digest);
  }
  return found;
}
