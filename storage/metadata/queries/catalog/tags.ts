import type { Digest } from '../../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../../src/oci/reference.ts';
import { type Query, type Row, all, decoder, first, read } from '../steps/query.ts';
import { inRepository } from '../steps/content.ts';
import { type NameBounds, type Position, withinBounds } from './entries.ts';

/** What lists of tags show. Times are milliseconds since 1970. */

export interface CatalogTag {
  readonly name: string;
  readonly naturalName: string;
  readonly digest: Digest;
  readonly mediaType: string;
  readonly artifactType: string | null;
  readonly updatedAt: number;
  /** Right to an hour; 0: none is recorded. */
  readonly pulledAt: number;
  /** Of the image, of all images of an index together; 0: not known yet. */
  readonly downloadBytes: number;
  /** JSON list of `TagPlatform`. */
  readonly platforms: string;
  readonly isSigned: boolean;
  readonly hasSbom: boolean;
  /** Who moved the tag last; null if this is not recorded. */
  readonly pushedBy: string | null;
  /** The first 20 listed tags of the digest, separated by spaces. */
  readonly names: string;
}

const toTag = decoder<CatalogTag>('isSigned', 'hasSbom');

const columns = `t.name AS "name", t.natural_name AS "naturalName", t.digest AS "digest", m.media_type AS "mediaType",
  m.artifact_type AS "artifactType", t.updated_at AS "updatedAt", i.pulled_at AS "pulledAt",
  i.download_bytes AS "downloadBytes", i.platforms AS "platforms", i.is_signed AS "isSigned", i.has_sbom AS "hasSbom",
  (SELECT h.actor FROM tag_history h WHERE h.repository_id = t.repository_id AND h.name = t.name
    ORDER BY h.id DESC LIMIT 1) AS "pushedBy",
  (SELECT string_agg(few.name, ' ') FROM (SELECT o.name FROM tags o WHERE o.repository_id = t.repository_id
    AND o.digest = t.digest AND o.natural_name IS NOT NULL ORDER BY o.natural_name LIMIT 20) few) AS "names"`;

/** The column of each order. Pulls and sizes belong to images: tags of one image are neighbours in these orders. */
const keys = {
  name: { column: 't.natural_name', isOfImage: false },
  pushed: { column: 't.updated_at', isOfImage: false },
  pulled: { column: 'i.pulled_at', isOfImage: true },
  size: { column: 'i.download_bytes', isOfImage: true },
} as const;

export type TagOrder = keyof typeof keys;

/** Where a page of tags begins. */
export interface TagPosition extends Position {
  readonly digest: Digest;
}

export interface TagPage {
  readonly repository: RepositoryName;
  readonly order: TagOrder;
  readonly isDescending: boolean;
  readonly from: TagPosition | undefined;
  /** Undefined: all tags. Rows outside are read and passed over: for ranges with a large part of the tags. */
  readonly bounds: NameBounds | undefined;
  readonly limit: number;
}

/** Lists the tags of a repository in one of the orders, without those that stand for referrers or signatures. */
export const list = read(function* (page: TagPage): Query<readonly CatalogTag[]> {
  return yield* keys[page.order].isOfImage ? listByImage(page) : listByTag(page);
});

/** CROSS JOIN: SQLite reads the tables in this order, and so in the order of the rows. */
const tables = `tags t CROSS JOIN catalog_images i CROSS JOIN manifests m`;
const joined = `i.repository_id = t.repository_id AND i.digest = t.digest
        AND m.repository_id = t.repository_id AND m.digest = t.digest AND t.natural_name IS NOT NULL`;

function* listByTag({ repository, order, isDescending, from, bounds, limit }: TagPage): Query<readonly CatalogTag[]> {
  const { column } = keys[order];
  const [sign, direction] = isDescending ? ['<', 'DESC'] : ['>', 'ASC'];
  const behind = from ? `AND (${column}, t.name) ${sign} (?, ?)` : '';
  const [within, ...limits] = bounds ? withinBounds(column, 't.name', bounds) : [''];
  const rows = yield* all<Row>(
    `SELECT ${columns} FROM ${tables} WHERE t.${inRepository} AND ${joined} ${behind} ${within}
      ORDER BY ${column} ${direction}, t.name ${direction} LIMIT ?`,
    repository,
    ...(from ? [from.key, from.name] : []),
    ...limits,
    limit,
  );
  return rows.map(toTag);
}

/** Tags of one image that a page in these orders can hold. */
const mostTagsOfImage = 200;

/** Finds the images of the page by their index, and then the tags of each: PostgreSQL would read all tags of the repository. */
function* listByImage({ repository, order, isDescending, from, bounds, limit }: TagPage): Query<readonly CatalogTag[]> {
  const { column } = keys[order];
  const [sign, direction] = isDescending ? ['<', 'DESC'] : ['>', 'ASC'];
  const [within, ...limits] = bounds ? withinBounds(column, 't.name', bounds) : [''];
  const images = yield* all<{ digest: Digest }>(
    `SELECT i.digest AS "digest" FROM catalog_images i
      WHERE i.${inRepository} ${from ? `AND (${column}, i.digest) ${sign}= (?, ?)` : ''}
        AND (SELECT 1 FROM tags t WHERE t.repository_id = i.repository_id AND t.digest = i.digest
              AND t.natural_name IS NOT NULL ${within} LIMIT 1) = 1
      ORDER BY ${column} ${direction}, i.digest ${direction} LIMIT ?`,
    repository,
    ...(from ? [from.key, from.digest] : []),
    ...limits,
    // Each image has a tag, but those of the first one may lie before the page.
    limit + 1,
  );
  const found: CatalogTag[] = [];
  for (const { digest } of images) {
    if (found.length >= limit) break;
    const rows = yield* all<Row>(
      `SELECT ${columns} FROM ${tables} WHERE t.${inRepository} AND ${joined} ${within} AND t.digest = ?
        LIMIT ${mostTagsOfImage}`,
      repository,
      ...limits,
      digest,
    );
    const tags = rows.map(toTag).sort((one, other) => compareNames(one.name, other.name));
    found.push(...tags.filter(({ name }) => digest !== from?.digest || compareNames(name, from.name) > 0));
  }
  return found.slice(0, limit);

  function compareNames(one: string, other: string): number {
    return one === other ? 0 : one < other === isDescending ? 1 : -1;
  }
}

/** Lists the tags whose names are within the bounds, ascending by bytes, without those for referrers and signatures. */
export const listBetween = read(function* (
  repository: RepositoryName,
  { after, before }: NameBounds,
  limit: number,
): Query<readonly CatalogTag[]> {
  const rows = yield* all<Row>(
    `SELECT ${columns} FROM ${tables} WHERE t.${inRepository} AND ${joined} AND t.name > ? AND t.name < ?
      ORDER BY t.name LIMIT ?`,
    repository,
    after,
    before,
    limit,
  );
  return rows.map(toTag);
});

/** Returns the number of listed tags; undefined for an unknown repository. */
export const count = read(function* (repository: RepositoryName): Query<number | undefined> {
  const row = yield* first<{ tags: number }>('SELECT tags AS "tags" FROM catalog_entries WHERE name = ?', repository);
  return row?.tags;
});

/** Counts the listed tags whose names are within the bounds, at most `limit`. */
export const countBetween = read(function* (
  repository: RepositoryName,
  { after, before }: NameBounds,
  limit: number,
): Query<number> {
  const row = yield* first<{ count: number | string }>(
    `SELECT count(*) AS "count" FROM (SELECT 1 FROM tags WHERE ${inRepository} AND name > ? AND name < ?
       AND natural_name IS NOT NULL LIMIT ?) x`,
    repository,
    after,
    before,
    limit,
  );
  return Number(row?.count ?? 0);
});
