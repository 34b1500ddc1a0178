import type { Digest } from '../../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../../src/oci/reference.ts';
import { type Query, type Row, all, batches, first, read } from '../steps/query.ts';
import { marksFor } from '../steps/removal.ts';
import type { UsageSums } from './counting.ts';

/** Reads what `counting.ts` has counted, and the content of single repositories. Times are milliseconds since 1970. */

export interface NamespaceUsage extends UsageSums {
  /** First component of the names; '' for all namespaces together. */
  readonly namespace: string;
  readonly repositories: number;
  /** Manifests that `garbageCollection.untagged` would delete, and the bytes that it would free. */
  readonly untaggedManifests: number;
  readonly untaggedBytes: number;
}

export interface RepositoryUsage extends UsageSums {
  readonly repositoryId: number;
  readonly repository: RepositoryName;
  readonly countedAt: number;
}

const sums = `contents AS "contents", bytes AS "bytes", own_bytes AS "ownBytes", held_bytes AS "heldBytes",
  cache_bytes AS "cacheBytes", trash_bytes AS "trashBytes", garbage_bytes AS "garbageBytes"`;

const namespaceColumns = `namespace AS "namespace", repositories AS "repositories", ${sums},
  untagged_manifests AS "untaggedManifests", untagged_bytes AS "untaggedBytes"`;

const repositoryColumns = `r.id AS "repositoryId", r.name AS "repository", u.counted_at AS "countedAt", ${sums}`;

/** Finds the sums of a namespace; '' for all together. Undefined before the first count. */
export const findNamespace = read(function* (namespace: string): Query<NamespaceUsage | undefined> {
  return yield* first<NamespaceUsage>(`SELECT ${namespaceColumns} FROM namespace_usage WHERE namespace = ?`, namespace);
});

/** Lists namespaces, the largest first. */
export const listNamespaces = read(function* (limit: number): Query<readonly NamespaceUsage[]> {
  const rows = yield* all<NamespaceUsage>(
    `SELECT ${namespaceColumns} FROM namespace_usage ORDER BY held_bytes DESC, namespace DESC LIMIT ?`,
    limit + 1,
  );
  return rows.filter(({ namespace }) => namespace !== '').slice(0, limit);
});

/** Lists the repositories of a namespace, the largest first. */
export const listLargest = read(function* (namespace: string, limit: number): Query<readonly RepositoryUsage[]> {
  return yield* all<RepositoryUsage>(
    `SELECT ${repositoryColumns} FROM repository_usage u JOIN repositories r ON r.id = u.repository_id
      WHERE u.namespace = ? ORDER BY u.held_bytes DESC, u.repository_id DESC LIMIT ?`,
    namespace,
    limit,
  );
});

/** Returns what was counted of those of the repositories that were counted. */
export const listNamed = read(function* (repositories: readonly RepositoryName[]): Query<readonly RepositoryUsage[]> {
  const found: RepositoryUsage[] = [];
  for (const batch of batches(repositories)) {
    const rows = yield* all<RepositoryUsage>(
      `SELECT ${repositoryColumns} FROM repositories r JOIN repository_usage u ON u.repository_id = r.id
        WHERE r.name IN (${marksFor(batch)})`,
      ...batch,
    );
    found.push(...rows);
  }
  return found;
});

/** Content that one repository has, or that several have, of those that were given. */
export interface SharedBytes {
  /** The repository with the smallest id that has it. */
  readonly repositoryId: number;
  /** True if only this repository has it. */
  readonly isOwn: boolean;
  readonly bytes: number;
}

/** Sums the contents of the repositories among each other. Reads all their contents: the caller limits them. */
export const sumAmong = read(function* (repositoryIds: readonly number[]): Query<readonly SharedBytes[]> {
  const marks = marksFor(repositoryIds);
  const contents = ['links', 'manifests', 'trashed_manifests'].map(
    (table) => `SELECT repository_id, digest FROM ${table} WHERE repository_id IN (${marks})`,
  );
  const rows = yield* all<Row>(
    `SELECT holder AS "repositoryId", CASE WHEN holder = last THEN 1 ELSE 0 END AS "isOwn", sum(b.size_bytes) AS "bytes"
       FROM (SELECT digest, min(repository_id) AS holder, max(repository_id) AS last
               FROM (${contents.join(' UNION ALL ')}) c GROUP BY digest) h
       JOIN blobs b ON b.digest = h.digest GROUP BY 1, 2`,
    ...[...repositoryIds, ...repositoryIds, ...repositoryIds],
  );
  return rows.map((row) => ({
    repositoryId: Number(row['repositoryId']),
    isOwn: row['isOwn'] === 1 || row['isOwn'] === '1',
    bytes: Number(row['bytes']),
  }));
});

/** Returns the tags of a repository with their manifests, descending by name. */
export const listTags = read(function* (
  repositoryId: number,
  limit: number,
): Query<readonly { readonly name: string; readonly digest: Digest }[]> {
  return yield* all<{ readonly name: string; readonly digest: Digest }>(
    'SELECT name AS "name", digest AS "digest" FROM tags WHERE repository_id = ? ORDER BY name DESC LIMIT ?',
    repositoryId,
    limit,
  );
});

/** A digest that a manifest needs. */
export interface SizedReference {
  readonly manifest: Digest;
  readonly digest: Digest;
  /** Null if it is not stored. */
  readonly sizeBytes: number | null;
  /** Manifests of the repository that reference it. */
  readonly uses: number;
  /** True if it is a manifest, and true if that has a tag. */
  readonly isManifest: boolean;
  readonly isTagged: boolean;
}

/** Lists at most `limit` of what the manifests reference. */
export const listReferences = read(function* (
  repositoryId: number,
  manifests: readonly Digest[],
  limit: number,
): Query<readonly SizedReference[]> {
  if (manifests.length === 0) return [];
  const rows = yield* all<Row>(
    `SELECT f.manifest AS "manifest", f.digest AS "digest",
            (SELECT b.size_bytes FROM blobs b WHERE b.digest = f.digest) AS "sizeBytes",
            (SELECT count(*) FROM manifest_references o WHERE o.repository_id = f.repository_id AND o.digest = f.digest) AS "uses",
            coalesce((SELECT 1 FROM manifests m WHERE m.repository_id = f.repository_id AND m.digest = f.digest), 0) AS "isManifest",
            coalesce((SELECT 1 FROM tags t WHERE t.repository_id = f.repository_id AND t.digest = f.digest LIMIT 1), 0) AS "isTagged"
       FROM manifest_references f WHERE f.repository_id = ? AND f.manifest IN (${marksFor(manifests)}) LIMIT ?`,
    repositoryId,
    ...manifests,
    limit,
  );
  return rows.map((row) => ({
    manifest: row['manifest'] as Digest,
    digest: row['digest'] as Digest,
    sizeBytes: row['sizeBytes'] === null ? null : Number(row['sizeBytes']),
    uses: Number(row['uses']),
    isManifest: Number(row['isManifest']) === 1,
    isTagged: Number(row['isTagged']) === 1,
  }));
});

/** Returns the sizes of those manifests that are stored. */
export const listSizes = read(function* (
  digests: readonly Digest[],
): Query<readonly { readonly digest: Digest; readonly sizeBytes: number }[]> {
  if (digests.length === 0) return [];
  return yield* all<{ readonly digest: Digest; readonly sizeBytes: number }>(
    `SELECT digest AS "digest", size_bytes AS "sizeBytes" FROM blobs WHERE digest IN (${marksFor(digests)})`,
    ...digests,
  );
});
