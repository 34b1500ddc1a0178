import type { Digest } from '../../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../../src/oci/reference.ts';
import { type Query, type Row, all, decoder, first, read } from '../steps/query.ts';

/** What decisions of retention depend on. Times are milliseconds since 1970. */

export interface RetainedRepository {
  readonly repositoryId: number;
  readonly repository: RepositoryName;
}

/** A manifest, with what decisions about it depend on. */
export interface RetainedManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly sizeBytes: number;
  /** When its tag was last pushed; the manifest itself if it has none. */
  readonly pushedAt: number;
  readonly pulledAt: number | null;
  /** Null: no hold. */
  readonly holdReason: string | null;
  readonly holdUntil: number | null;
}

export interface RetainedTag extends RetainedManifest {
  readonly tag: string;
}

const columns = `m.digest AS "digest", m.media_type AS "mediaType", m.size_bytes AS "sizeBytes", p.pulled_at AS "pulledAt",
  h.reason AS "holdReason", h.until AS "holdUntil"`;

const knowledge = `LEFT JOIN manifest_pulls p ON p.repository_id = m.repository_id AND p.digest = m.digest
  LEFT JOIN holds h ON h.repository_id = m.repository_id AND h.digest = m.digest`;

const isPushed = 'NOT EXISTS (SELECT 1 FROM mirrored_repositories x WHERE x.repository_id = r.id)';

/** Finds a repository that nobody mirrors. */
export const findRepository = read(function* (name: RepositoryName): Query<RetainedRepository | undefined> {
  return yield* first<RetainedRepository>(
    `SELECT r.id AS "repositoryId", r.name AS "repository" FROM repositories r WHERE r.name = ? AND ${isPushed}`,
    name,
  );
});

/** Lists repositories that nobody mirrors, after `after` and before `before` (both exclusive), ascending by bytes. */
export const listRepositories = read(function* (
  after: string,
  before: string,
  limit: number,
): Query<readonly RetainedRepository[]> {
  return yield* all<RetainedRepository>(
    `SELECT r.id AS "repositoryId", r.name AS "repository" FROM repositories r
      WHERE r.name > ? AND r.name < ? AND ${isPushed} ORDER BY r.name LIMIT ?`,
    after,
    before,
    limit,
  );
});

/** Lists tags after `after` (exclusive), ascending by bytes. */
export const listTags = read(function* (repositoryId: number, after: string, limit: number): Query<readonly RetainedTag[]> {
  return yield* all<RetainedTag>(
    `SELECT t.name AS "tag", t.updated_at AS "pushedAt", ${columns} FROM tags t
       JOIN manifests m ON m.repository_id = t.repository_id AND m.digest = t.digest ${knowledge}
      WHERE t.repository_id = ? AND t.name > ? ORDER BY t.name LIMIT ?`,
    repositoryId,
    after,
    limit,
  );
});

/** A manifest, and whether it has a tag, a subject or an index that contains it. */
export interface RetainedManifestState extends RetainedManifest {
  readonly isAttached: boolean;
}

const toManifestState = decoder<RetainedManifestState>('isAttached');

/** Manifests after the digest `after` (exclusive), ascending. Not only those without a tag: a page reads few rows. */
export const listManifests = read(function* (
  repositoryId: number,
  after: Digest,
  limit: number,
): Query<readonly RetainedManifestState[]> {
  const rows = yield* all<Row>(
    // Not EXISTS: PostgreSQL would read all tags of the repository into a hash table for each page.
    `SELECT m.pushed_at AS "pushedAt", ${columns},
            coalesce(
              CASE WHEN m.subject IS NULL THEN NULL ELSE 1 END,
              (SELECT 1 FROM tags t WHERE t.repository_id = m.repository_id AND t.digest = m.digest LIMIT 1),
              (SELECT 1 FROM manifest_references f WHERE f.repository_id = m.repository_id AND f.digest = m.digest LIMIT 1),
              0) AS "isAttached"
       FROM manifests m ${knowledge}
      WHERE m.repository_id = ? AND m.digest > ? ORDER BY m.digest LIMIT ?`,
    repositoryId,
    after,
    limit,
  );
  return rows.map(toManifestState);
});

/** A move of a tag away from a manifest. */
export interface TagDeparture {
  readonly tag: string;
  readonly id: number;
  readonly digest: Digest;
  readonly at: number;
}

/** Lists moves of tags away from manifests, after the last one of the page before, by tag and id. */
export const listDepartures = read(function* (
  repositoryId: number,
  after: Pick<TagDeparture, 'tag' | 'id'>,
  limit: number,
): Query<readonly TagDeparture[]> {
  return yield* all<TagDeparture>(
    `SELECT name AS "tag", id AS "id", from_digest AS "digest", at AS "at" FROM tag_history
      WHERE repository_id = ? AND (name, id) > (?, ?) AND from_digest IS NOT NULL ORDER BY name, id LIMIT ?`,
    repositoryId,
    after.tag,
    after.id,
    limit,
  );
});

/** Counts tags that were pushed, up to `limit`. */
export const countTags = read(function* (limit: number): Query<number> {
  const row = yield* first<{ count: number }>(
    `SELECT count(*) AS "count" FROM (SELECT 1 FROM tags t
       WHERE NOT EXISTS (SELECT 1 FROM mirrored_repositories x WHERE x.repository_id = t.repository_id) LIMIT ?) counted`,
    limit,
  );
  return row?.count ?? 0;
});
