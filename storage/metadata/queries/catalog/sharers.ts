import type { Digest } from '../../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../../src/oci/reference.ts';
import { type Query, all, batches, countRows, read } from '../steps/query.ts';
import { marksFor } from '../steps/removal.ts';

/** The tags whose images share a layer. */

export interface LayerTags {
  /** Listed tags of images and indexes that have the layer: at most 100. */
  readonly count: number;
  /** False if there may be more. */
  readonly isExact: boolean;
}

const mostTags = 100;
/** Repositories, and manifests of a layer, that are looked at: there may be very many without tags. */
const mostRepositories = 200;
const mostManifests = 500;

/** Counts the tags of a layer: in the repositories with these ids, or in all of them if `repositoryIds` is undefined. */
export const countTags = read(function* (digest: Digest, repositoryIds: readonly number[] | undefined): Query<LayerTags> {
  return yield* countIn(digest, yield* listLinked(digest, repositoryIds));
});

/** Returns the ids of those of the repositories that exist, in any order. */
export const listRepositoryIds = read(function* (names: readonly RepositoryName[]): Query<readonly number[]> {
  const ids: number[] = [];
  for (const batch of batches(names)) {
    const rows = yield* all<{ id: number }>(`SELECT id AS "id" FROM repositories WHERE name IN (${marksFor(batch)})`, ...batch);
    ids.push(...rows.map(({ id }) => id));
  }
  return ids;
});

/** Returns the first repositories with the blob, one more than are looked at. */
function* listLinked(digest: Digest, ids: readonly number[] | undefined): Query<readonly number[]> {
  if (ids?.length === 0) return [];
  const chosen = ids ? `AND repository_id IN (${marksFor(ids)})` : '';
  const rows = yield* all<{ id: number }>(
    `SELECT repository_id AS "id" FROM links WHERE digest = ? ${chosen} LIMIT ?`,
    digest,
    ...(ids ?? []),
    mostRepositories + 1,
  );
  return rows.map(({ id }) => id);
}

function* countIn(digest: Digest, repositories: readonly number[]): Query<LayerTags> {
  const looked = repositories.slice(0, mostRepositories);
  if (looked.length === 0) return { count: 0, isExact: true };
  const values = [digest, ...looked];
  const images = `SELECT repository_id, manifest FROM manifest_references
     WHERE digest = ? AND repository_id IN (${marksFor(looked)}) LIMIT ${mostManifests}`;
  const indexes = `SELECT p.repository_id, p.manifest FROM (${images}) few
      JOIN manifest_references p ON p.repository_id = few.repository_id AND p.digest = few.manifest LIMIT ${mostManifests}`;
  const tags = new Set<string>();
  for (const manifests of [images, indexes]) {
    const rows = yield* all<{ repositoryId: number; name: string }>(
      `SELECT t.repository_id AS "repositoryId", t.name AS "name" FROM (${manifests}) few
         JOIN tags t ON t.repository_id = few.repository_id AND t.digest = few.manifest
        WHERE t.natural_name IS NOT NULL LIMIT ${mostTags + 1}`,
      ...values,
    );
    // A tag of an index comes once for each image of it that has the layer.
    for (const { repositoryId, name } of rows) tags.add(`${repositoryId} ${name}`);
    if (rows.length > mostTags) return { count: Math.min(tags.size, mostTags), isExact: false };
  }
  const found = Math.max(yield* countRows(images, ...values), yield* countRows(indexes, ...values));
  const isCut = tags.size > mostTags || found === mostManifests || repositories.length > mostRepositories;
  return { count: Math.min(tags.size, mostTags), isExact: !isCut };
}
