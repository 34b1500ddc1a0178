import type { Digest } from '../../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../../src/oci/reference.ts';
import { type Query, all, read } from '../steps/query.ts';
import { marksFor } from '../steps/removal.ts';

/** Which images need some content. */

/** A manifest that needs the content, or is it. */
export interface AffectedManifest {
  readonly repository: RepositoryName;
  readonly digest: Digest;
  readonly mediaType: string;
  readonly sizeBytes: number;
  readonly tags: readonly string[];
  /** Indexes that contain it, directly or not, with their tags. */
  readonly indexes: readonly { readonly digest: Digest; readonly sizeBytes: number; readonly tags: readonly string[] }[];
}

/** Indexes in indexes are followed to this depth. */
const maxDepth = 4;
/** Tags and indexes that are named for each manifest. */
const maxNamed = 20;

interface ManifestRow {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly sizeBytes: number;
}

/** Lists manifests of any repository that need the content directly, or are it; at most `limit`. */
export const list = read(function* (digest: Digest, limit: number): Query<readonly AffectedManifest[]> {
  const affected: AffectedManifest[] = [];
  for (const { id, name } of yield* listRepositories(digest, limit)) {
    const parents = yield* listParents(id, digest, limit - affected.length);
    for (const row of yield* listManifests(id, [digest, ...parents])) {
      const tags = yield* listTags(id, row.digest);
      affected.push({ repository: name, ...row, tags, indexes: yield* listIndexes(id, row.digest) });
    }
    if (affected.length >= limit) break;
  }
  return affected.slice(0, limit);
});

function* listRepositories(
  digest: Digest,
  limit: number,
): Query<readonly { readonly id: number; readonly name: RepositoryName }[]> {
  const ids = new Set<number>();
  for (const table of ['links', 'manifests']) {
    const rows = yield* all<{ id: number }>(`SELECT repository_id AS "id" FROM ${table} WHERE digest = ? LIMIT ?`, digest, limit);
    for (const { id } of rows) ids.add(id);
  }
  const some = [...ids].slice(0, limit);
  if (some.length === 0) return [];
  return yield* all<{ id: number; name: RepositoryName }>(
    `SELECT r.id AS "id", r.name AS "name" FROM repositories r WHERE r.id IN (${marksFor(some)})`,
    ...some,
  );
}

/** Lists the manifests of the repository that reference the digest. */
function* listParents(repositoryId: number, digest: Digest, limit: number): Query<readonly Digest[]> {
  const rows = yield* all<{ manifest: Digest }>(
    'SELECT manifest AS "manifest" FROM manifest_references WHERE repository_id = ? AND digest = ? LIMIT ?',
    repositoryId,
    digest,
    limit,
  );
  return rows.map(({ manifest }) => manifest);
}

function* listManifests(repositoryId: number, digests: readonly Digest[]): Query<readonly ManifestRow[]> {
  if (digests.length === 0) return [];
  return yield* all<ManifestRow>(
    `SELECT m.digest AS "digest", m.media_type AS "mediaType", m.size_bytes AS "sizeBytes" FROM manifests m
      WHERE m.repository_id = ? AND m.digest IN (${marksFor(digests)})`,
    repositoryId,
    ...digests,
  );
}

function* listTags(repositoryId: number, digest: Digest): Query<readonly string[]> {
  const rows = yield* all<{ name: string }>(
    'SELECT name AS "name" FROM tags WHERE repository_id = ? AND digest = ? LIMIT ?',
    repositoryId,
    digest,
    maxNamed,
  );
  return rows.map(({ name }) => name).sort();
}

function* listIndexes(repositoryId: number, manifest: Digest): Query<AffectedManifest['indexes']> {
  const found = new Set<Digest>();
  let level: readonly Digest[] = [manifest];
  for (let depth = 0; depth < maxDepth; depth++) {
    const next: Digest[] = [];
    for (const child of level) next.push(...(yield* listParents(repositoryId, child, maxNamed)));
    level = [...new Set(next)].filter((digest) => !found.has(digest)).slice(0, maxNamed - found.size);
    for (const digest of level) found.add(digest);
  }
  const indexes: AffectedManifest['indexes'][number][] = [];
  for (const { digest, sizeBytes } of yield* listManifests(repositoryId, [...found]))
    indexes.push({ digest, sizeBytes, tags: yield* listTags(repositoryId, digest) });
  return indexes;
}
