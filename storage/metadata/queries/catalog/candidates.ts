import type { RepositoryName } from '../../../../src/oci/reference.ts';
import { type Query, type Value, all, batches, first, read } from '../steps/query.ts';
import type { NameBounds } from './entries.ts';

/**
 * Candidates of a search: repositories, with only the columns that ranking and facets need, because a search reads many of them
 * and shows few. Each query reads a part of an index. `words`: those of the search. Times are milliseconds since 1970.
 */

export interface Candidate {
  readonly repositoryId: number;
  readonly name: RepositoryName;
  /** Flags are 0 or 1. */
  readonly isMirrored: number;
  /** 1 if the latest image has a signature. */
  readonly isSigned: number;
  readonly stars: number;
  readonly pushedAt: number;
  readonly pulledAt: number;
  /** Kind and platforms of the latest image, separated by spaces. */
  readonly facts: string;
  /** Null if the name has all words. */
  readonly description: string | null;
}

/** Sorts after every character of a name, a tag and a digest. */
export const afterEveryName = '~';

/** The shortest text that the index of trigrams finds. */
const shortestTrigram = 3;

/** Reads candidates. `from`: the statement after its columns, with `catalog_entries` as `e`; `values`: of its parameters. */
function candidatesOf(words: readonly string[], from: string, ...values: Value[]): Query<readonly Candidate[]> {
  const inName = words.map(() => `e.name LIKE ? ESCAPE '\\'`).join(' AND ');
  const description = words.length === 0 ? 'NULL' : `CASE WHEN ${inName} THEN NULL ELSE e.description END`;
  return all<Candidate>(
    `SELECT e.repository_id AS "repositoryId", e.name AS "name", e.is_mirrored AS "isMirrored", e.is_signed AS "isSigned",
     e.stars AS "stars", e.pushed_at AS "pushedAt", e.pulled_at AS "pulledAt", e.kind || ' ' || e.platforms AS "facts",
     ${description} AS "description" ${from}`,
    ...words.map(toPattern),
    ...values,
  );
}

/** Returns a pattern of LIKE that matches texts with the word in it. */
const toPattern = (word: string) => `%${word.replaceAll(/[\\%_]/g, '\\$&')}%`;

/** Lists repositories whose last components begin with the text, in the order of these. */
export const listByLastComponent = read((words: readonly string[], text: string, limit: number) =>
  listByColumn('base_name', words, text, limit),
);

/** Lists repositories whose names begin with the text, in the order of these. */
export const listByBeginning = read((words: readonly string[], text: string, limit: number) =>
  listByColumn('name', words, text, limit),
);

function* listByColumn(
  column: 'base_name' | 'name',
  words: readonly string[],
  text: string,
  limit: number,
): Query<readonly Candidate[]> {
  return yield* candidatesOf(
    words,
    `FROM catalog_entries e WHERE e.${column} >= ? AND e.${column} < ? ORDER BY e.${column}, e.name LIMIT ?`,
    text,
    `${text}${afterEveryName}`,
    limit,
  );
}

/**
 * Lists repositories that have the text in their names or descriptions, in no order. Lists none for a text of fewer than three
 * characters, or in a database without an index of trigrams.
 */
export const listContaining = read(function* (
  words: readonly string[],
  text: string,
  limit: number,
): Query<readonly Candidate[]> {
  if (text.length < shortestTrigram) return [];
  const method = (yield* first<{ method: string }>('SELECT method AS "method" FROM search_method WHERE id = 1'))?.method;
  if (method === 'prefix') return [];
  if (method !== 'fts5') {
    const pattern = toPattern(text);
    const where = 'e.name LIKE ? OR e.description ILIKE ?';
    return yield* candidatesOf(words, `FROM catalog_entries e WHERE ${where} LIMIT ?`, pattern, pattern, limit);
  }
  return yield* candidatesOf(
    words,
    `FROM catalog_texts t CROSS JOIN catalog_entries e ON e.repository_id = t.rowid
      WHERE t.catalog_texts MATCH ? LIMIT ?`,
    `"${text.replaceAll('"', '""')}"`,
    limit,
  );
});

/** Lists the repositories of at most `limit` tags that have the name or begin with it; a repository once for each. */
export const listWithTag = read(function* (
  words: readonly string[],
  { text, isBeginning }: { readonly text: string; readonly isBeginning: boolean },
  limit: number,
): Query<readonly Candidate[]> {
  const where = isBeginning ? 'name >= ? AND name < ?' : 'name = ?';
  return yield* candidatesOf(
    words,
    `FROM (SELECT repository_id FROM tags WHERE ${where} LIMIT ?) few
      CROSS JOIN catalog_entries e WHERE e.repository_id = few.repository_id`,
    text,
    ...(isBeginning ? [`${text}${afterEveryName}`] : []),
    limit,
  );
});

/** Lists the repositories of at most `limit` manifests whose digests begin with the text; a repository once for each. */
export const listWithDigest = read(function* (
  words: readonly string[],
  text: string,
  limit: number,
): Query<readonly Candidate[]> {
  return yield* candidatesOf(
    words,
    `FROM (SELECT repository_id FROM manifests WHERE digest >= ? AND digest < ? LIMIT ?) few
      CROSS JOIN catalog_entries e WHERE e.repository_id = few.repository_id`,
    text,
    `${text}${afterEveryName}`,
    limit,
  );
});

/** Lists repositories by name within the bounds, ascending by bytes. */
export const listBetween = read(function* (
  words: readonly string[],
  { after, before }: NameBounds,
  limit: number,
): Query<readonly Candidate[]> {
  return yield* candidatesOf(
    words,
    `FROM catalog_entries e WHERE e.name > ? AND e.name < ? ORDER BY e.name LIMIT ?`,
    after,
    before,
    limit,
  );
});

/** Lists the own repositories, or the mirrored ones, the last push first. */
export const listPushed = read(function* (isMirrored: boolean, limit: number): Query<readonly Candidate[]> {
  return yield* candidatesOf(
    [],
    `FROM catalog_entries e WHERE e.is_mirrored = ? ORDER BY e.pushed_at DESC, e.name DESC LIMIT ?`,
    isMirrored ? 1 : 0,
    limit,
  );
});

/** Returns the repositories of those names that exist, in no order. */
export const listNamed = read(function* (words: readonly string[], names: readonly string[]): Query<readonly Candidate[]> {
  const found: Candidate[] = [];
  for (const batch of batches(names)) {
    const marks = batch.map(() => '?').join(', ');
    const rows = yield* candidatesOf(words, `FROM catalog_entries e WHERE e.name IN (${marks})`, ...batch);
    found.push(...rows);
  }
  return found;
});
