import type { Digest } from '../../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../../src/oci/reference.ts';
import { type Query, type Row, all, concurrentWrite, decoder, first, read, run } from '../steps/query.ts';
import { inRepository } from '../steps/content.ts';

/** What the catalog knows of the inside of images. A job describes those whose parts, tags or referrers have changed. */

export interface ChangedImage {
  readonly repository: RepositoryName;
  readonly digest: Digest;
  readonly mediaType: string;
  readonly sizeBytes: number;
  readonly artifactType: string | null;
  /** Changes so far: a description that was made before the last one does not count. */
  readonly changes: number;
}

const toChanged = decoder<ChangedImage>();

/** Lists images that have changed since they were described, by repository. */
export const listChanged = read(function* (limit: number): Query<readonly ChangedImage[]> {
  const rows = yield* all<Row>(
    `SELECT r.name AS "repository", i.digest AS "digest", m.media_type AS "mediaType", m.size_bytes AS "sizeBytes",
            m.artifact_type AS "artifactType", i.changes AS "changes"
       FROM catalog_images i JOIN manifests m ON m.repository_id = i.repository_id AND m.digest = i.digest
       JOIN repositories r ON r.id = i.repository_id
      WHERE i.described < i.changes ORDER BY i.repository_id, i.digest LIMIT ?`,
    limit,
  );
  return rows.map(toChanged);
});

/** Counts images that have changed since they were described, at most `limit`. */
export const countChanged = read(function* (limit: number): Query<number> {
  const row = yield* first<{ count: number | string }>(
    'SELECT count(*) AS "count" FROM (SELECT 1 FROM catalog_images WHERE described < changes LIMIT ?) x',
    limit,
  );
  return Number(row?.count ?? 0);
});

/** Returns those of the types that a referrer of the image has. */
export const listReferrerTypes = read(function* (
  repository: RepositoryName,
  digest: Digest,
  types: readonly string[],
): Query<readonly string[]> {
  const rows = yield* all<{ artifactType: string }>(
    `SELECT x.column1 AS "artifactType" FROM (VALUES ${types.map(() => '(?)').join(', ')}) x
      WHERE (SELECT 1 FROM manifests m WHERE m.${inRepository} AND m.subject = ? AND m.artifact_type = x.column1 LIMIT 1) = 1`,
    ...types,
    repository,
    digest,
  );
  return rows.map(({ artifactType }) => artifactType);
});

/** Returns those of the tags that exist. */
export const listExistingTags = read(function* (repository: RepositoryName, names: readonly string[]): Query<readonly string[]> {
  const rows = yield* all<{ name: string }>(
    `SELECT name AS "name" FROM tags WHERE ${inRepository} AND name IN (${names.map(() => '?').join(', ')})`,
    repository,
    ...names,
  );
  return rows.map(({ name }) => name);
});

export interface ImageFacts {
  readonly repository: RepositoryName;
  readonly digest: Digest;
  /** As `listChanged` returned it. */
  readonly changes: number;
  readonly downloadBytes: number;
  readonly kind: string;
  /** JSON list. */
  readonly platforms: string;
  /** Names of platforms, separated by spaces. */
  readonly platformNames: string;
  /** JSON object. */
  readonly labels: string;
  /** Of the annotations; '' if there is none. */
  readonly description: string;
  readonly isSigned: boolean;
  readonly hasSbom: boolean;
  /** True if a part was not stored here. */
  readonly isPartial: boolean;
}

/**
 * Records the description of an image, also in the entry of its repository if it is the latest image there. The text comes
 * from the image with the tag `latest`, if there is one. An image that is gone is passed over; one that has changed meanwhile
 * is described again.
 */
export const record = concurrentWrite(function* (facts: ImageFacts): Query<void> {
  const { repository, digest } = facts;
  // The entry before the image, as the triggers do: writes that run beside each other must not wait in a circle.
  yield* run(
    'UPDATE catalog_entries SET kind = ?, platforms = ?, is_signed = ? WHERE name = ? AND latest_digest = ?',
    facts.kind,
    facts.platformNames,
    facts.isSigned ? 1 : 0,
    repository,
    digest,
  );
  yield* run(
    `UPDATE catalog_entries
        SET description = coalesce((SELECT x.description FROM repository_texts x WHERE x.repository = catalog_entries.name), ?)
      WHERE name = ? AND coalesce((SELECT t.digest FROM tags t WHERE t.repository_id = catalog_entries.repository_id
        AND t.name = 'latest'), latest_digest) = ?`,
    facts.description,
    repository,
    digest,
  );
  yield* run(
    `UPDATE catalog_images SET download_bytes = ?, kind = ?, platforms = ?, labels = ?, is_signed = ?, has_sbom = ?,
       is_partial = ?, described = ? WHERE ${inRepository} AND digest = ?`,
    facts.downloadBytes,
    facts.kind,
    facts.platforms,
    facts.labels,
    facts.isSigned ? 1 : 0,
    facts.hasSbom ? 1 : 0,
    facts.isPartial ? 1 : 0,
    facts.changes,
    repository,
    digest,
  );
});
