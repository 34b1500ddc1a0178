import type { Digest } from '../../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../../src/oci/reference.ts';
import { mirroredRepositoryId } from '../mirror/repositories.ts';
import { holdSize } from '../mirror/space-steps.ts';
import { type Query, first, run } from '../steps/query.ts';
import type { AdoptedManifest, AdoptedTag, LinkPage, ReadLink } from './content.ts';
import { type StoredOddity, insertInSteps } from './steps.ts';

/** Steps that record a pull-through cache as mirrored content. Each runs within its caller's transaction. */

/** What a page may add: nothing to repositories that were pushed to berth. */
export type AdoptedContent = Pick<LinkPage, 'layers' | 'manifests' | 'tags' | 'links' | 'oddities'>;

/** Locks the size of the mirror, and leaves out of a page what belongs to pushed repositories. */
export function* withoutPushed({ layers, manifests, tags, links, oddities }: LinkPage): Query<AdoptedContent> {
  yield* holdSize();
  const firstPaths = new Map<RepositoryName, string>();
  for (const { repository, path } of [...tags, ...manifests, ...layers]) firstPaths.set(repository, path);
  const pushed = new Map<RepositoryName, string>();
  for (const [repository, path] of firstPaths) if (yield* isPushed(repository)) pushed.set(repository, path);
  const isMirrored = ({ repository }: { readonly repository: RepositoryName }) => !pushed.has(repository);
  const paths = new Set([...layers, ...manifests].filter((one) => !isMirrored(one)).map(({ path }) => path));
  const refused = [...pushed].map(([repository, path]): StoredOddity => ({
    path,
    kind: 'pushed-repository',
    detail: repository,
  }));
  return {
    layers: layers.filter(isMirrored),
    manifests: manifests.filter(isMirrored),
    tags: tags.filter(isMirrored),
    // Read again by the next run: the repository may be gone then.
    links: links.filter(({ path }) => !paths.has(path)),
    oddities: [...oddities, ...refused],
  };
}

function* isPushed(repository: RepositoryName): Query<boolean> {
  const row = yield* first(
    `SELECT 1 FROM repositories r WHERE r.name = ?
        AND NOT EXISTS (SELECT 1 FROM mirrored_repositories m WHERE m.repository_id = r.id)`,
    repository,
  );
  return row !== undefined;
}

/**
 * Returns the id of the repository as one of the upstream; creates it if there is none. The cache may have used a login: the
 * content counts as private until the upstream has shown the repository to a client without one.
 */
export function adoptedRepositoryId(repository: RepositoryName, upstream: string, now: number): Query<number> {
  return mirroredRepositoryId({ repository, upstream, byLogin: true }, now);
}

/** Makes layers and manifests subject to eviction, and records what manifests name, which may be fetched later. */
export function* insertMirroredContent(
  { layers, manifests }: AdoptedContent,
  idOf: (repository: RepositoryName) => number,
): Query<void> {
  const contents = new Map<Digest, { readonly sizeBytes: number; readonly usedAt: number }>();
  for (const { digest, sizeBytes, modifiedAt } of [...layers, ...manifests])
    contents.set(digest, { sizeBytes, usedAt: Math.max(modifiedAt, contents.get(digest)?.usedAt ?? 0) });
  yield* insertInSteps(
    'INSERT INTO mirrored_content (digest, size_bytes, used_at)',
    [...contents].map(([digest, { sizeBytes, usedAt }]) => [digest, sizeBytes, usedAt]),
    `ON CONFLICT (digest) DO UPDATE SET used_at = excluded.used_at WHERE mirrored_content.used_at < excluded.used_at`,
  );
  yield* insertInSteps(
    'INSERT INTO mirrored_promises (repository_id, digest, size_bytes)',
    manifests.flatMap(({ repository, references }: AdoptedManifest) =>
      references.flatMap(({ digest, sizeBytes }) => (sizeBytes === undefined ? [] : [[idOf(repository), digest, sizeBytes]])),
    ),
    'ON CONFLICT (repository_id, digest) DO NOTHING',
  );
}

/** Records tags as the cache has last checked them. A later check by berth counts. */
export function* pointMirroredTags(tags: readonly AdoptedTag[], idOf: (repository: RepositoryName) => number) {
  const links: ReadLink[] = [];
  const oddities: StoredOddity[] = [];
  for (const tag of tags) {
    const { repository, path, modifiedAt, sizeBytes, digest } = tag;
    const isAdopted = yield* pointMirroredTag(idOf(repository), tag);
    links.push({ path, modifiedAt, sizeBytes, digest: isAdopted ? digest : null });
    if (!isAdopted) oddities.push({ path, kind: 'tag-without-manifest', detail: digest });
  }
  return { links, oddities, count: links.filter(({ digest }) => digest !== null).length };
}

/** False if the repository does not have the manifest. */
function* pointMirroredTag(repositoryId: number, { tag, digest, modifiedAt }: AdoptedTag): Query<boolean> {
  const manifest = yield* first<{ mediaType: string; sizeBytes: number }>(
    `SELECT media_type AS "mediaType", size_bytes AS "sizeBytes" FROM manifests WHERE repository_id = ? AND digest = ?`,
    repositoryId,
    digest,
  );
  if (!manifest) return false;
  yield* run(
    `INSERT INTO mirrored_tags (repository_id, name, digest, media_type, size_bytes, checked_at, missing_since)
     VALUES (?, ?, ?, ?, ?, ?, NULL)
     ON CONFLICT (repository_id, name) DO UPDATE SET digest = excluded.digest, media_type = excluded.media_type,
       size_bytes = excluded.size_bytes, checked_at = excluded.checked_at, missing_since = NULL
      WHERE mirrored_tags.checked_at < excluded.checked_at`,
    repositoryId,
    tag,
    digest,
    manifest.mediaType,
    manifest.sizeBytes,
    modifiedAt,
  );
  yield* run(
    `INSERT INTO tags (repository_id, name, digest, updated_at) VALUES (?, ?, ?, ?)
     ON CONFLICT (repository_id, name) DO UPDATE SET digest = excluded.digest, updated_at = excluded.updated_at
      WHERE tags.updated_at < excluded.updated_at`,
    repositoryId,
    tag,
    digest,
    modifiedAt,
  );
  return true;
}
