import type { Digest } from '../../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../../src/oci/reference.ts';
import { type Query, all, batches, first, read } from '../steps/query.ts';

/** Candidates of a search. Each query reads a part of an index; the caller ranks what it may show. */

/** Sorts after every character of a name, a tag and a digest. */
const afterEveryName = '~';

/** The shortest text that the index of trigrams finds. */
const shortestTrigram = 3;

/** Lists repositories whose names, or their last components, begin with the text: the last components first. */
export const listByBeginning = read(function* (text: string, limit: number): Query<readonly RepositoryName[]> {
  const found: RepositoryName[] = [];
  for (const column of ['base_name', 'name'] as const) {
    const rows = yield* all<{ name: RepositoryName }>(
      `SELECT name AS "name" FROM catalog_entries WHERE ${column} >= ? AND ${column} < ? ORDER BY ${column}, name LIMIT ?`,
      text,
      `${text}${afterEveryName}`,
      limit,
    );
    found.push(...rows.map(({ name }) => name));
  }
  return [...new Set(found)];
});

/**
 * Lists repositories that have the text in their names or descriptions, in no order. Texts of fewer than three characters, and
 * all in a database without an index of trigrams, are not found so.
 */
export const listContaining = read(function* (text: string, limit: number): Query<readonly RepositoryName[]> {
  if (text.length < shortestTrigram) return [];
  const method = (yield* first<{ method: string }>('SELECT method AS "method" FROM search_method WHERE id = 1'))?.method;
  if (method === 'prefix') return [];
  const pattern = `%${text.replaceAll(/[\\%_]/g, '\\$&')}%`;
  const rows =
    method === 'fts5'
      ? yield* all<{ name: RepositoryName }>(
          'SELECT name AS "name" FROM catalog_texts WHERE catalog_texts MATCH ? LIMIT ?',
          `"${text.replaceAll('"', '""')}"`,
          limit,
        )
      : yield* all<{ name: RepositoryName }>(
          `SELECT name AS "name" FROM catalog_entries WHERE name LIKE ? OR description ILIKE ? LIMIT ?`,
          pattern,
          pattern,
          limit,
        );
  return rows.map(({ name }) => name);
});

/** Lists repositories that have a tag of the name, or one that begins with it. */
export const listWithTag = read(function* (
  { text, isBeginning }: { readonly text: string; readonly isBeginning: boolean },
  limit: number,
): Query<readonly RepositoryName[]> {
  const rows = yield* all<{ name: RepositoryName }>(
    `SELECT r.name AS "name" FROM tags t JOIN repositories r ON r.id = t.repository_id
      WHERE ${isBeginning ? 't.name >= ? AND t.name < ?' : 't.name = ?'} LIMIT ?`,
    text,
    ...(isBeginning ? [`${text}${afterEveryName}`] : []),
    limit,
  );
  return [...new Set(rows.map(({ name }) => name))];
});

/** Returns those of the repositories that have a tag of the name, or one that begins with it. */
export const filterByTag = read(function* (
  repositories: readonly RepositoryName[],
  { text, isBeginning }: { readonly text: string; readonly isBeginning: boolean },
): Query<readonly RepositoryName[]> {
  const found: RepositoryName[] = [];
  for (const batch of batches(repositories)) {
    const rows = yield* all<{ name: RepositoryName }>(
      `SELECT r.name AS "name" FROM repositories r WHERE r.name IN (${batch.map(() => '?').join(', ')})
         AND (SELECT 1 FROM tags t WHERE t.repository_id = r.id
               AND ${isBeginning ? 't.name >= ? AND t.name < ?' : 't.name = ?'} LIMIT 1) = 1`,
      ...batch,
      text,
      ...(isBeginning ? [`${text}${afterEveryName}`] : []),
    );
    found.push(...rows.map(({ name }) => name));
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
  repositories: readonly RepositoryName[],
): Query<readonly { readonly name: RepositoryName; readonly labels: string }[]> {
  const found: { readonly name: RepositoryName; readonly labels: string }[] = [];
  for (const batch of batches(repositories)) {
    found.push(
      ...(yield* all<{ name: RepositoryName; labels: string }>(
        `SELECT e.name AS "name", i.labels AS "labels" FROM catalog_entries e
           JOIN catalog_images i ON i.repository_id = e.repository_id AND i.digest = e.latest_digest
          WHERE e.name IN (${batch.map(() => '?').join(', ')}) AND i.labels <> '{}'`,
        ...batch,
      )),
    );
  }
  return found;
});
