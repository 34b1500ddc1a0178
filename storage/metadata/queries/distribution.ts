import type { Digest } from '../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../src/oci/reference.ts';
import { type Query, all, first, read } from './steps/query.ts';

/** What the links of Distribution's layout say of a repository. Mirrored repositories have none. */

/** Content that a manifest references, as far as the repository has it. */
export interface LinkedContent {
  readonly blobs: readonly Digest[];
  /** The manifests of an index. */
  readonly children: readonly Digest[];
}

export interface TagTarget {
  readonly name: string;
  readonly digest: Digest;
}

const pushed = `r.name = ? AND NOT EXISTS (SELECT 1 FROM mirrored_repositories m WHERE m.repository_id = r.id)`;
const ofPushed = `= (SELECT r.id FROM repositories r WHERE ${pushed})`;

/** Returns the digest that the tag of a repository points at, unless the repository is mirrored. */
export const findTag = read(function* (repository: RepositoryName, tag: string): Query<Digest | undefined> {
  const row = yield* first<{ digest: Digest }>(
    `SELECT digest AS "digest" FROM tags WHERE name = ? AND repository_id ${ofPushed}`,
    tag,
    repository,
  );
  return row?.digest;
});

/** Returns what a manifest references; undefined if the repository does not have the manifest, or is mirrored. */
export const findManifest = read(function* (repository: RepositoryName, digest: Digest): Query<LinkedContent | undefined> {
  // One statement: over PostgreSQL a read of several is a transaction.
  const rows = yield* all<{ blob: Digest | null; child: Digest | null }>(
    `SELECT l.digest AS "blob", c.digest AS "child" FROM manifests m
       LEFT JOIN manifest_references f ON f.repository_id = m.repository_id AND f.manifest = m.digest
       LEFT JOIN links l ON l.repository_id = m.repository_id AND l.digest = f.digest
       LEFT JOIN manifests c ON c.repository_id = m.repository_id AND c.digest = f.digest
      WHERE m.digest = ? AND m.repository_id ${ofPushed}`,
    digest,
    repository,
  );
  if (rows.length === 0) return undefined;
  return { blobs: rows.flatMap(({ blob }) => blob ?? []), children: rows.flatMap(({ child }) => child ?? []) };
});

/** True if the repository serves the blob, and is not mirrored. */
export const hasBlob = read(function* (repository: RepositoryName, digest: Digest): Query<boolean> {
  const found = yield* first(`SELECT 1 FROM links WHERE digest = ? AND repository_id ${ofPushed}`, digest, repository);
  return found !== undefined;
});

/** Lists blobs that the repository serves after the digest `after` (exclusive), ascending. */
export const listBlobs = read((repository: RepositoryName, after: string, limit: number) =>
  listDigests('links', repository, after, limit),
);

/** Manifests of the repository after the digest `after` (exclusive), ascending. */
export const listManifests = read((repository: RepositoryName, after: string, limit: number) =>
  listDigests('manifests', repository, after, limit),
);

function* listDigests(table: string, repository: RepositoryName, after: string, limit: number): Query<readonly Digest[]> {
  const rows = yield* all<{ digest: Digest }>(
    `SELECT digest AS "digest" FROM ${table} WHERE repository_id ${ofPushed} AND digest > ? ORDER BY digest LIMIT ?`,
    repository,
    after,
    limit,
  );
  return rows.map(({ digest }) => digest);
}

/** Lists tags of the repository after the name `after` (exclusive), ascending by bytes. */
export const listTags = read(function* (repository: RepositoryName, after: string, limit: number): Query<readonly TagTarget[]> {
  return yield* all<TagTarget>(
    `SELECT name AS "name", digest AS "digest" FROM tags
      WHERE repository_id ${ofPushed} AND name > ? ORDER BY name LIMIT ?`,
    repository,
    after,
    limit,
  );
});
