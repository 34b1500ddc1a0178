import type { Digest } from '../../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../../src/oci/reference.ts';
import { type Query, all, batches, read } from '../steps/query.ts';
import { afterEveryName } from './candidates.ts';

/** The filters of a search. */

/** Returns those of the repositories that have a tag of the name, or one that begins with it. */
export const filterByTag = read(function* (
  repositoryIds: readonly number[],
  { text, isBeginning }: { readonly text: string; readonly isBeginning: boolean },
): Query<readonly number[]> {
  const found: number[] = [];
  for (const batch of batches(repositoryIds)) {
    const rows = yield* all<{ id: number }>(
      `SELECT r.id AS "id" FROM repositories r WHERE r.id IN (${batch.map(() => '?').join(', ')})
         AND (SELECT 1 FROM tags t WHERE t.repository_id = r.id
               AND ${isBeginning ? 't.name >= ? AND t.name < ?' : 't.name = ?'} LIMIT 1) = 1`,
      ...batch,
      text,
      ...(isBeginning ? [`${text}${afterEveryName}`] : []),
    );
    found.push(...rows.map(({ id }) => id));
  }
  return found;
});

export interface FoundDigest {
  readonly repository: RepositoryName;
  readonly digest: Digest;
}

/** Lists manifests whose digests begin with the text. */
export const listByDigest = read(function* (text: string, limit: number): Query<readonly FoundDigest[]> {
  return yield* all<FoundDigest>(
    `SELECT r.name AS "repository", m.digest AS "digest" FROM manifests m JOIN repositories r ON r.id = m.repository_id
      WHERE m.digest >= ? AND m.digest < ? ORDER BY m.digest LIMIT ?`,
    text,
    `${text}${afterEveryName}`,
    limit,
  );
});

/** Returns those of the repositories that have a manifest whose digest begins with the text, with the first such digest. */
export const filterByDigest = read(function* (
  repositories: readonly RepositoryName[],
  text: string,
): Query<readonly FoundDigest[]> {
  const found: FoundDigest[] = [];
  for (const batch of batches(repositories)) {
    const rows = yield* all<{ repository: RepositoryName; digest: Digest | null }>(
      `SELECT r.name AS "repository", (SELECT m.digest FROM manifests m WHERE m.repository_id = r.id
         AND m.digest >= ? AND m.digest < ? ORDER BY m.digest LIMIT 1) AS "digest"
        FROM repositories r WHERE r.name IN (${batch.map(() => '?').join(', ')})`,
      text,
      `${text}${afterEveryName}`,
      ...batch,
    );
    for (const { repository, digest } of rows) if (digest !== null) found.push({ repository, digest });
  }
  return found;
});

/** Returns the labels (JSON) of the latest image of each of the repositories. */
export const listLabels = read(function* (
  repositoryIds: readonly number[],
): Query<readonly { readonly repositoryId: number; readonly labels: string }[]> {
  const found: { readonly repositoryId: number; readonly labels: string }[] = [];
  for (const batch of batches(repositoryIds)) {
    found.push(
      ...(yield* all<{ repositoryId: number; labels: string }>(
        `SELECT e.repository_id AS "repositoryId", i.labels AS "labels" FROM catalog_entries e
           JOIN catalog_images i ON i.repository_id = e.repository_id AND i.digest = e.latest_digest
          WHERE e.repository_id IN (${batch.map(() => '?').join(', ')}) AND i.labels <> '{}'`,
        ...batch,
      )),
    );
  }
  return found;
});
