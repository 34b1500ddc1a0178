import type { Digest } from '../../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../../src/oci/reference.ts';
import { type Query, all, concurrentWrite, first, read, run, write } from '../steps/query.ts';
import { becomePushed, findParent, pointTag, repositoryId } from '../steps/content.ts';
import { reviewManifest } from '../steps/reviews.ts';
import { dropTrashed } from '../steps/trash.ts';
import { insertBlobs } from './blobs.ts';
import type { AdoptedManifest, AdoptedTag, LinkPage, ReadLink, RemovedLink } from './content.ts';
import { type AdoptedContent, adoptedRepositoryId, insertMirroredContent, pointMirroredTags, withoutPushed } from './mirrored.ts';
import { type StoredOddity, advanceShard, inSteps, insertInSteps, insertOddities } from './steps.ts';

/** Layers, manifests and tags of an adopted store. Times are milliseconds since 1970: those of the link files. */

/** Lists links that were read, behind `after` and before `before` (both exclusive), ascending. */
export const list = read(function* (after: string, before: string, limit: number): Query<readonly ReadLink[]> {
  return yield* all<ReadLink>(
    `SELECT path AS "path", modified_at AS "modifiedAt", size_bytes AS "sizeBytes", digest AS "digest" FROM adopted_links
      WHERE path > ? AND path < ? ORDER BY path LIMIT ?`,
    after,
    before,
    limit,
  );
});

/** Records a page: layers, manifests, then tags. Content that berth has already stays as it is. */
export const store = concurrentWrite((page: LinkPage) => storePage(page));

/**
 * Records a page of a pull-through cache in the same way. It runs alone: no push may create a repository between the search for
 * pushed ones and the end of the transaction.
 */
export const storeMirrored = write((page: LinkPage) => storePage(page));

function* storePage(page: LinkPage): Query<void> {
  const { upstream } = page;
  const adopted: AdoptedContent = upstream === null ? page : yield* withoutPushed(page);
  const { layers, manifests, tags, links, oddities } = adopted;
  const ids = yield* repositoryIds(adopted, upstream);
  const idOf = (repository: RepositoryName) => ids.get(repository) ?? 0;
  yield* insertBlobs(page.blobs);
  yield* insertInSteps(
    'INSERT INTO links (repository_id, digest, created_at)',
    layers.map(({ repository, digest, modifiedAt }) => [idOf(repository), digest, modifiedAt]),
    'ON CONFLICT (repository_id, digest) DO NOTHING',
  );
  yield* insertManifests(manifests, idOf);
  if (upstream !== null) yield* insertMirroredContent(adopted, idOf);
  yield* clearOddities([...page.links, ...page.tags].map(({ path }) => path));
  const pointed = yield* upstream === null ? pointTags(tags, idOf) : pointMirroredTags(tags, idOf);
  yield* insertInSteps(
    'INSERT INTO adopted_links (path, modified_at, size_bytes, digest)',
    [...links, ...pointed.links].map(({ path, modifiedAt, sizeBytes, digest }) => [path, modifiedAt, sizeBytes, digest]),
    `ON CONFLICT (path) DO UPDATE SET modified_at = excluded.modified_at, size_bytes = excluded.size_bytes, digest = excluded.digest`,
  );
  yield* insertOddities([...oddities, ...pointed.oddities]);
  yield* advanceShard({ ...page, counts: { ...page.counts, tags: page.counts.tags + pointed.count } });
}

/** Returns the ids of the repositories; creates those that are missing, with the time of their first link. */
function* repositoryIds(
  { layers, manifests, tags }: AdoptedContent,
  upstream: string | null,
): Query<ReadonlyMap<RepositoryName, number>> {
  const times = new Map<RepositoryName, number>();
  for (const { repository, modifiedAt } of [...layers, ...manifests, ...tags])
    times.set(repository, Math.min(modifiedAt, times.get(repository) ?? modifiedAt));
  const ids = new Map<RepositoryName, number>();
  for (const name of [...times.keys()].sort()) {
    const time = times.get(name) ?? 0;
    ids.set(name, yield* upstream === null ? repositoryId(name, time) : adoptedRepositoryId(name, upstream, time));
    if (upstream === null) yield* becomePushed(name);
  }
  return ids;
}

function* insertManifests(manifests: readonly AdoptedManifest[], idOf: (repository: RepositoryName) => number): Query<void> {
  yield* insertInSteps(
    'INSERT INTO manifests (repository_id, digest, media_type, size_bytes, artifact_type, subject, annotations, pushed_at)',
    manifests.map((one) => [
      ...[idOf(one.repository), one.digest, one.mediaType, one.sizeBytes],
      ...[one.artifactType, one.subject, one.annotations, one.modifiedAt],
    ]),
    'ON CONFLICT (repository_id, digest) DO NOTHING',
  );
  yield* insertInSteps(
    'INSERT INTO manifest_references (repository_id, manifest, digest)',
    manifests.flatMap(({ repository, digest, references }) =>
      [...new Set(references.map((content) => content.digest))].map((reference) => [idOf(repository), digest, reference]),
    ),
    'ON CONFLICT (repository_id, manifest, digest) DO NOTHING',
  );
  for (const { repository, digest } of manifests) yield* dropTrashed(idOf(repository), digest);
}

function* clearOddities(paths: readonly string[]): Query<void> {
  for (const batch of inSteps(paths))
    yield* run(`DELETE FROM adoption_oddities WHERE path IN (${batch.map(() => '?').join(', ')})`, ...batch);
}

interface PointedTags {
  readonly links: readonly ReadLink[];
  readonly oddities: readonly StoredOddity[];
  readonly count: number;
}

/** Points tags at their manifests. A tag that was moved here since its link was read stays where the later move has put it. */
function* pointTags(tags: readonly AdoptedTag[], idOf: (repository: RepositoryName) => number): Query<PointedTags> {
  const links: ReadLink[] = [];
  const oddities: StoredOddity[] = [];
  for (const tag of tags) {
    const { repository, path, modifiedAt, sizeBytes } = tag;
    const oddity = yield* pointUnlessMoved(idOf(repository), tag);
    const isAdopted = oddity !== 'tag-without-manifest';
    links.push({ path, modifiedAt, sizeBytes, digest: isAdopted ? tag.digest : null });
    if (oddity !== undefined) oddities.push({ path, kind: oddity, detail: tag.digest });
  }
  return { links, oddities, count: links.filter(({ digest }) => digest !== null).length };
}

function* pointUnlessMoved(
  repositoryId: number,
  { tag, digest, modifiedAt, before }: AdoptedTag,
): Query<'tag-without-manifest' | 'moved-tag' | undefined> {
  const manifest = yield* first('SELECT 1 FROM manifests WHERE repository_id = ? AND digest = ?', repositoryId, digest);
  if (!manifest) return 'tag-without-manifest';
  const current = yield* first<{ digest: Digest; updatedAt: number }>(
    'SELECT digest AS "digest", updated_at AS "updatedAt" FROM tags WHERE repository_id = ? AND name = ?',
    repositoryId,
    tag,
  );
  if (current?.digest === digest) return undefined;
  const isMovedHere = current !== undefined && current.digest !== before;
  if (!isMovedHere || current.updatedAt < modifiedAt) yield* pointTag(repositoryId, tag, digest, modifiedAt);
  return isMovedHere ? 'moved-tag' : undefined;
}

/**
 * Removes what the other registry has deleted since the last run, unless it was pushed to berth meanwhile. A pushed layer stays
 * while a manifest needs it; a mirrored one is downloaded again.
 */
export const remove = write(function* (
  removed: readonly RemovedLink[],
  paths: readonly string[],
  { now, upstream }: { readonly now: number; readonly upstream: string | null },
): Query<void> {
  for (const link of removed) {
    const repository = yield* first<{ id: number }>('SELECT id AS "id" FROM repositories WHERE name = ?', link.repository);
    if (!repository) continue;
    // The repository of a cache may have been pushed to berth since.
    if (upstream !== null && !(yield* isMirrored(repository.id))) continue;
    if (link.kind === 'tag') yield* removeTag(repository.id, link.tag, link);
    else if (link.kind === 'revision') yield* removeManifest(repository.id, link, now);
    else if (upstream !== null || (yield* findParent(repository.id, link.digest)) === undefined)
      yield* run('DELETE FROM links WHERE repository_id = ? AND digest = ?', repository.id, link.digest);
  }
  for (const batch of inSteps(paths)) {
    const marks = batch.map(() => '?').join(', ');
    yield* run(`DELETE FROM adopted_links WHERE path IN (${marks})`, ...batch);
  }
  yield* clearOddities(paths);
});

function* isMirrored(repositoryId: number): Query<boolean> {
  return (yield* first('SELECT 1 FROM mirrored_repositories WHERE repository_id = ?', repositoryId)) !== undefined;
}

type Times = { readonly digest: Digest; readonly modifiedAt: number };

/** A push to berth, or a check of a mirrored tag by berth, has given the tag a later time. */
function* removeTag(repositoryId: number, tag: string, { digest, modifiedAt }: Times): Query<void> {
  yield* run(
    'DELETE FROM mirrored_tags WHERE repository_id = ? AND name = ? AND digest = ? AND checked_at <= ?',
    repositoryId,
    tag,
    digest,
    modifiedAt,
  );
  yield* run(
    'DELETE FROM tags WHERE repository_id = ? AND name = ? AND digest = ? AND updated_at <= ?',
    repositoryId,
    tag,
    digest,
    modifiedAt,
  );
}

/** Removes a manifest with its tags. A push to berth has given it a later time. */
function* removeManifest(repositoryId: number, { digest, modifiedAt }: Times, now: number): Query<void> {
  const select = 'SELECT 1 FROM manifests WHERE repository_id = ? AND digest = ? AND pushed_at <= ?';
  if (!(yield* first(select, repositoryId, digest, modifiedAt))) return;
  yield* reviewManifest(repositoryId, digest, now);
  yield* run('DELETE FROM manifests WHERE repository_id = ? AND digest = ?', repositoryId, digest);
}
