import type { Digest } from '../../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../../src/oci/reference.ts';
import { type Query, all, concurrentWrite, first, read, run, write } from '../steps/query.ts';
import { becomePushed, findParent, pointTag, repositoryId } from '../steps/content.ts';
import { reviewManifest } from '../steps/reviews.ts';
import { dropTrashed } from '../steps/trash.ts';
import { type StoredBlob, insertBlobs } from './blobs.ts';
import { type ShardStep, type StoredOddity, advanceShard, inSteps, insertInSteps, insertOddities } from './steps.ts';

/** Layers, manifests and tags of an adopted store. Times are milliseconds since 1970: those of the link files. */

/** A link as it was when it was read. */
export interface ReadLink {
  readonly path: string;
  readonly modifiedAt: number;
  readonly sizeBytes: number;
  /** What was adopted: the digest of the layer, of the manifest, or that the tag points at. Null: nothing. */
  readonly digest: Digest | null;
}

export interface AdoptedLayer {
  readonly repository: RepositoryName;
  readonly digest: Digest;
  readonly modifiedAt: number;
}

export interface AdoptedManifest {
  readonly repository: RepositoryName;
  readonly digest: Digest;
  readonly mediaType: string;
  readonly sizeBytes: number;
  readonly artifactType: string | null;
  readonly subject: Digest | null;
  /** JSON object, or null. */
  readonly annotations: string | null;
  readonly references: readonly Digest[];
  readonly modifiedAt: number;
}

export interface AdoptedTag {
  readonly repository: RepositoryName;
  readonly tag: string;
  readonly digest: Digest;
  readonly modifiedAt: number;
  /** What the link pointed at when it was read before; null: it was not. */
  readonly before: Digest | null;
  /** Path and size of the link. */
  readonly path: string;
  readonly sizeBytes: number;
}

/** A page of the listing of links. */
export interface LinkPage extends ShardStep {
  /** Blobs that no transaction has recorded yet. */
  readonly blobs: readonly StoredBlob[];
  readonly layers: readonly AdoptedLayer[];
  readonly manifests: readonly AdoptedManifest[];
  readonly tags: readonly AdoptedTag[];
  /** Links that were read, except tags. Their oddities are replaced. */
  readonly links: readonly ReadLink[];
  readonly oddities: readonly StoredOddity[];
}

/** A link that is in the store no more. */
export type RemovedLink = { readonly path: string; readonly repository: RepositoryName; readonly modifiedAt: number } & (
  | { readonly kind: 'layer' | 'revision'; readonly digest: Digest }
  | { readonly kind: 'tag'; readonly tag: string; readonly digest: Digest }
);

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
export const store = concurrentWrite(function* (page: LinkPage): Query<void> {
  const ids = yield* repositoryIds(page);
  const idOf = (repository: RepositoryName) => ids.get(repository) ?? 0;
  yield* insertBlobs(page.blobs);
  yield* insertInSteps(
    'INSERT INTO links (repository_id, digest, created_at)',
    page.layers.map(({ repository, digest, modifiedAt }) => [idOf(repository), digest, modifiedAt]),
    'ON CONFLICT (repository_id, digest) DO NOTHING',
  );
  yield* insertManifests(page.manifests, idOf);
  yield* clearOddities([...page.links, ...page.tags].map(({ path }) => path));
  const tags = yield* pointTags(page.tags, idOf);
  yield* insertInSteps(
    'INSERT INTO adopted_links (path, modified_at, size_bytes, digest)',
    [...page.links, ...tags.links].map(({ path, modifiedAt, sizeBytes, digest }) => [path, modifiedAt, sizeBytes, digest]),
    `ON CONFLICT (path) DO UPDATE SET modified_at = excluded.modified_at, size_bytes = excluded.size_bytes, digest = excluded.digest`,
  );
  yield* insertOddities([...page.oddities, ...tags.oddities]);
  yield* advanceShard({ ...page, counts: { ...page.counts, tags: page.counts.tags + tags.count } });
});

/** Returns the ids of the repositories; creates those that are missing, with the time of their first link. */
function* repositoryIds({ layers, manifests, tags }: LinkPage): Query<ReadonlyMap<RepositoryName, number>> {
  const times = new Map<RepositoryName, number>();
  for (const { repository, modifiedAt } of [...layers, ...manifests, ...tags])
    times.set(repository, Math.min(modifiedAt, times.get(repository) ?? modifiedAt));
  const ids = new Map<RepositoryName, number>();
  for (const name of [...times.keys()].sort()) {
    ids.set(name, yield* repositoryId(name, times.get(name) ?? 0));
    yield* becomePushed(name);
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
      [...new Set(references)].map((reference) => [idOf(repository), digest, reference]),
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
 * Removes what the other registry has deleted since the last run, unless it was pushed to berth meanwhile. A layer stays while a
 * manifest needs it.
 */
export const remove = write(function* (removed: readonly RemovedLink[], paths: readonly string[], now: number): Query<void> {
  for (const link of removed) {
    const repository = yield* first<{ id: number }>('SELECT id AS "id" FROM repositories WHERE name = ?', link.repository);
    if (!repository) continue;
    if (link.kind === 'tag') yield* removeTag(repository.id, link.tag, link);
    else if (link.kind === 'revision') yield* removeManifest(repository.id, link, now);
    else if ((yield* findParent(repository.id, link.digest)) === undefined)
      yield* run('DELETE FROM links WHERE repository_id = ? AND digest = ?', repository.id, link.digest);
  }
  for (const batch of inSteps(paths)) {
    const marks = batch.map(() => '?').join(', ');
    yield* run(`DELETE FROM adopted_links WHERE path IN (${marks})`, ...batch);
  }
  yield* clearOddities(paths);
});

type Times = { readonly digest: Digest; readonly modifiedAt: number };

function* removeTag(repositoryId: number, tag: string, { digest, modifiedAt }: Times): Query<void> {
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
