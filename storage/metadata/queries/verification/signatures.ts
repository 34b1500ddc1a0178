import type { Digest } from '../../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../../src/oci/reference.ts';
import { type Query, all, read } from '../steps/query.ts';

/** Where signatures of images may be. */

/** A manifest whose layers are signatures. */
export interface SignatureManifest {
  readonly repository: RepositoryName;
  readonly digest: Digest;
  readonly mediaType: string;
  readonly sizeBytes: number;
}

const columns = `r.name AS "repository", s.digest AS "digest", s.media_type AS "mediaType", s.size_bytes AS "sizeBytes"`;

/**
 * Lists manifests of one of the artifact types whose subject is the image, and those under the tag `tag`, in every repository
 * that has the image; those of `first` come first. At most `limit` of each kind.
 */
export const list = read(function* (
  image: Digest,
  first: RepositoryName,
  artifactTypes: readonly string[],
  tag: string,
  limit: number,
): Query<readonly SignatureManifest[]> {
  const order = 'ORDER BY CASE WHEN r.name = ? THEN 0 ELSE 1 END, s.pushed_at LIMIT ?';
  const referrers = yield* all<SignatureManifest>(
    `SELECT ${columns} FROM manifests i JOIN repositories r ON r.id = i.repository_id
       JOIN manifests s ON s.repository_id = i.repository_id AND s.subject = i.digest
      WHERE i.digest = ? AND s.artifact_type IN (${artifactTypes.map(() => '?').join(', ')}) ${order}`,
    image,
    ...artifactTypes,
    first,
    limit,
  );
  const tagged = yield* all<SignatureManifest>(
    `SELECT ${columns} FROM manifests i JOIN repositories r ON r.id = i.repository_id
       JOIN tags t ON t.repository_id = i.repository_id AND t.name = ?
       JOIN manifests s ON s.repository_id = t.repository_id AND s.digest = t.digest
      WHERE i.digest = ? ${order}`,
    tag,
    image,
    first,
    limit,
  );
  return [...referrers, ...tagged];
});

/** Lists the indexes of the repository that contain the manifest directly, at most `limit`. */
export const listIndexes = read(function* (
  repository: RepositoryName,
  manifest: Digest,
  limit: number,
): Query<readonly Digest[]> {
  const rows = yield* all<{ index: Digest }>(
    `SELECT c.manifest AS "index" FROM manifest_references c JOIN repositories r ON r.id = c.repository_id
      WHERE r.name = ? AND c.digest = ? ORDER BY c.manifest LIMIT ?`,
    repository,
    manifest,
    limit,
  );
  return rows.map(({ index }) => index);
});
