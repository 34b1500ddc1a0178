import type { RepositoryName } from '../../../../src/oci/reference.ts';
import { type Query, type Row, type Value, all, batches, decoder, first, read } from '../steps/query.ts';

/** What lists of repositories show. Triggers count it in the transaction of each change. Times are milliseconds since 1970. */

export interface CatalogEntry {
  readonly name: RepositoryName;
  /** Sorts as people count: `app-9` before `app-10`. */
  readonly naturalName: string;
  /** True for a repository that mirrors an upstream's. */
  readonly isMirrored: boolean;
  /** Tags without those that stand for the referrers or signatures of an image. */
  readonly tags: number;
  /**
   * Blobs, manifests and manifests in the trash, as quotas count them. Not from `repository_usage`: that compares repositories
   * with each other, and so is counted in the background, while a list needs the size of a new repository at once.
   */
  readonly sizeBytes: number;
  /** 0: never, or not recorded. */
  readonly pushedAt: number;
  /** Right to an hour; 0: none is recorded. */
  readonly pulledAt: number;
  readonly stars: number;
  /** Edited, else of the latest image. */
  readonly description: string;
  /** Of the latest image: `image`, `index`, `artifact`; '' if it is not described yet. */
  readonly kind: string;
  /** Of the latest image, separated by spaces. */
  readonly platforms: string;
  /** True if the latest image has a signature. Nothing has verified it. */
  readonly isSigned: boolean;
  /** The visibility that is set for exactly this name; null if none is. */
  readonly isPublic: boolean | null;
}

const toEntry = decoder<CatalogEntry>('isMirrored', 'isSigned', 'isPublic');

/** The orders of a list, each an index. Descending, but for names. Rows with equal keys are ordered by their names. */
export const entryKeys = {
  name: 'natural_name',
  pushed: 'pushed_at',
  pulled: 'pulled_at',
  size: 'size_bytes',
  tags: 'tags',
} as const;

export type EntryOrder = keyof typeof entryKeys;

/** Where a page begins: behind the row with this key and name, or before it. */
export interface Position {
  readonly key: string | number;
  readonly name: string;
}

/** The names that begin with a text: those between `after` and `before`, both exclusive. */
export interface NameBounds {
  readonly after: string;
  readonly before: string;
  /** A text that begins their natural names. */
  readonly natural: string;
}

/** Condition for names within the bounds that leaves the order of the rows to the index of `key`. */
export function withinBounds(
  key: string,
  name: string,
  { after, before, natural }: NameBounds,
): readonly [sql: string, ...Value[]] {
  if (key.endsWith('natural_name')) {
    const range = `AND ${key} >= ? AND ${key} < ? AND ${name} || '' > ? AND ${name} || '' < ?`;
    return [range, natural, `${natural}~`, after, before];
  }
  // The concatenation keeps the database from reading the whole range by name and sorting it.
  return [`AND ${name} || '' > ? AND ${name} || '' < ?`, after, before];
}

const columns = `e.name AS "name", e.natural_name AS "naturalName", e.is_mirrored AS "isMirrored", e.tags AS "tags",
  e.size_bytes AS "sizeBytes", e.pushed_at AS "pushedAt", e.pulled_at AS "pulledAt", e.stars AS "stars",
  e.description AS "description", e.kind AS "kind", e.platforms AS "platforms", e.is_signed AS "isSigned",
  v.is_public AS "isPublic"`;

const from = 'FROM catalog_entries e LEFT JOIN visibilities v ON v.pattern = e.name';

export interface EntryPage {
  readonly order: EntryOrder;
  readonly isDescending: boolean;
  readonly isMirrored: boolean;
  /** Undefined: from the first row. */
  readonly from: Position | undefined;
  /** Undefined: all names. Rows outside are read and passed over: for ranges with a large part of the repositories. */
  readonly bounds: NameBounds | undefined;
  readonly limit: number;
}

/** Lists the own repositories, or the mirrored ones, in one of the orders. */
export const list = read(function* ({
  order,
  isDescending,
  isMirrored,
  from: position,
  bounds,
  limit,
}: EntryPage): Query<readonly CatalogEntry[]> {
  const key = `e.${entryKeys[order]}`;
  const [sign, direction] = isDescending ? ['<', 'DESC'] : ['>', 'ASC'];
  const values: Value[] = [isMirrored ? 1 : 0];
  const behind = position ? `AND (${key}, e.name) ${sign} (?, ?)` : '';
  if (position) values.push(position.key, position.name);
  const [within, ...limits] = bounds ? withinBounds(key, 'e.name', bounds) : [''];
  values.push(...limits);
  const rows = yield* all<Row>(
    `SELECT ${columns} ${from} WHERE e.is_mirrored = ? ${behind} ${within}
      ORDER BY ${key} ${direction}, e.name ${direction} LIMIT ?`,
    ...values,
    limit,
  );
  return rows.map(toEntry);
});

/** Lists repositories by name within the bounds, ascending by bytes. */
export const listBetween = read(function* ({ after, before }: NameBounds, limit: number): Query<readonly CatalogEntry[]> {
  const rows = yield* all<Row>(
    `SELECT ${columns} ${from} WHERE e.name > ? AND e.name < ? ORDER BY e.name LIMIT ?`,
    after,
    before,
    limit,
  );
  return rows.map(toEntry);
});

/** Returns the entries of those names that exist, in no order. */
export const listNamed = read(function* (names: readonly string[]): Query<readonly CatalogEntry[]> {
  const found: CatalogEntry[] = [];
  for (const batch of batches(names)) {
    const rows = yield* all<Row>(`SELECT ${columns} ${from} WHERE e.name IN (${batch.map(() => '?').join(', ')})`, ...batch);
    found.push(...rows.map(toEntry));
  }
  return found;
});

/** Namespaces that are summed instead of their repositories. */
const summedNamespaces = 1000;

/** Counts repositories, at most `limit`. Undefined bounds and origin: all. */
export const count = read(function* (
  { bounds, isMirrored }: { readonly bounds: NameBounds | undefined; readonly isMirrored: boolean | undefined },
  limit: number,
): Query<number> {
  if (!bounds && isMirrored === undefined) {
    const sum = yield* first<{ namespaces: number | string; repositories: number | string | null }>(
      `SELECT count(*) AS "namespaces", sum(few.repositories) AS "repositories"
         FROM (SELECT repositories FROM catalog_namespaces WHERE namespace >= '' LIMIT ${summedNamespaces}) few`,
    );
    const repositories = Number(sum?.repositories ?? 0);
    if (Number(sum?.namespaces ?? 0) < summedNamespaces || repositories >= limit) return Math.min(repositories, limit);
  }
  const conditions = [bounds && 'name > ? AND name < ?', isMirrored !== undefined && 'is_mirrored = ?'].filter(Boolean);
  const where = conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : '';
  const row = yield* first<{ count: number | string }>(
    `SELECT count(*) AS "count" FROM (SELECT 1 FROM catalog_entries ${where} LIMIT ?) x`,
    ...(bounds ? [bounds.after, bounds.before] : []),
    ...(isMirrored === undefined ? [] : [isMirrored ? 1 : 0]),
    limit,
  );
  return Number(row?.count ?? 0);
});

export interface Namespace {
  readonly namespace: string;
  readonly repositories: number;
}

/** Lists namespaces after `after` (exclusive) with the number of all their repositories, ascending. */
export const listNamespaces = read(function* (after: string, limit: number): Query<readonly Namespace[]> {
  return yield* all<Namespace>(
    `SELECT namespace AS "namespace", repositories AS "repositories" FROM catalog_namespaces
      WHERE namespace > ? ORDER BY namespace LIMIT ?`,
    after,
    limit,
  );
});
