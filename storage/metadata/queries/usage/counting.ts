import type { Digest } from '../../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../../src/oci/reference.ts';
import { type Query, type Row, all, concurrentWrite, decoder, first, read, run, withoutSync } from '../steps/query.ts';
import { everyRepository } from '../steps/reviews.ts';

/**
 * Counts the sizes of repositories in the background. A content of a repository is a digest that it has as a blob, a manifest, or
 * a manifest in the trash; each counts once. Times are milliseconds since 1970.
 */

/** Sums over contents, in bytes. */
export interface UsageSums {
  readonly contents: number;
  readonly bytes: number;
  /** Of contents that no other repository has. */
  readonly ownBytes: number;
  /** Of contents that no repository with a smaller id has: summed over all repositories this is the size of the store. */
  readonly heldBytes: number;
  /** The parts of `heldBytes` that came from upstreams, that only the trash needs, and that nothing needs. */
  readonly cacheBytes: number;
  readonly trashBytes: number;
  readonly garbageBytes: number;
}

export interface UsagePage extends UsageSums {
  /** The last digest of the page; null for a page without contents. */
  readonly last: Digest | null;
}

/** A repository whose contents are to be counted. */
export interface CountedRepository {
  readonly repositoryId: number;
  readonly repository: RepositoryName;
  readonly isMirrored: boolean;
}

/** A repository that an event names. */
export interface ChangedRepository extends CountedRepository {
  /** Contents that the last count has found, and its time; null: it was not counted yet. */
  readonly contents: number | null;
  readonly countedAt: number | null;
}

const contentTables = ['links', 'manifests', 'trashed_manifests'] as const;

const has = (condition: string) =>
  contentTables.map((table) => `EXISTS (SELECT 1 FROM ${table} x WHERE x.digest = b.digest AND ${condition})`).join(' OR ');

/** True if a repository that has the blob `b` has a manifest of the table that references it. */
const referencedIn = (references: string) => `EXISTS (SELECT 1 FROM links l
   JOIN ${references} f ON f.repository_id = l.repository_id AND f.digest = l.digest WHERE l.digest = b.digest)`;

const countedContent = `SELECT b.digest, b.size_bytes,
    CASE WHEN ${has('x.repository_id <> p.id')} THEN 0 ELSE b.size_bytes END AS own,
    CASE WHEN ${has('x.repository_id < p.id')} THEN 'elsewhere'
         WHEN EXISTS (SELECT 1 FROM mirrored_content c WHERE c.digest = b.digest) THEN 'cache'
         WHEN EXISTS (SELECT 1 FROM manifests m WHERE m.digest = b.digest) THEN 'live'
         WHEN ${referencedIn('manifest_references')} THEN 'live'
         WHEN EXISTS (SELECT 1 FROM trashed_manifests t WHERE t.digest = b.digest) THEN 'trash'
         WHEN ${referencedIn('trashed_references')} THEN 'trash' ELSE 'garbage' END AS part`;

const sumOf = (part: string) => `coalesce(sum(CASE WHEN part = '${part}' THEN size_bytes ELSE 0 END), 0)`;

/** Sums at most `limit` contents of the repository after the digest `after` (exclusive), ascending. */
export const sumContents = read(function* (repositoryId: number, after: string, limit: number): Query<UsagePage> {
  const pages = contentTables.map(
    (table) =>
      `SELECT digest FROM (SELECT digest FROM ${table} WHERE repository_id = ? AND digest > ? ORDER BY digest LIMIT ?) ${table}_page`,
  );
  const row = yield* first<Row>(
    `SELECT count(*) AS "contents", coalesce(sum(size_bytes), 0) AS "bytes", coalesce(sum(own), 0) AS "ownBytes",
            coalesce(sum(CASE WHEN part = 'elsewhere' THEN 0 ELSE size_bytes END), 0) AS "heldBytes",
            ${sumOf('cache')} AS "cacheBytes", ${sumOf('trash')} AS "trashBytes", ${sumOf('garbage')} AS "garbageBytes",
            max(digest) AS "last"
       FROM (${countedContent}
               FROM (SELECT digest FROM (${pages.join(' UNION ')}) u ORDER BY digest LIMIT ?) c
               JOIN blobs b ON b.digest = c.digest
               CROSS JOIN (SELECT CAST(? AS BIGINT) AS id) p) s`,
    ...contentTables.flatMap(() => [repositoryId, after, limit]),
    limit,
    repositoryId,
  );
  const number = (name: string) => Number(row?.[name] ?? 0);
  return {
    contents: number('contents'),
    bytes: number('bytes'),
    ownBytes: number('ownBytes'),
    heldBytes: number('heldBytes'),
    cacheBytes: number('cacheBytes'),
    trashBytes: number('trashBytes'),
    garbageBytes: number('garbageBytes'),
    last: (row?.['last'] ?? null) as Digest | null,
  };
});

/** Sums blobs that no repository has and that wait for their deletion, after the digest `after` (exclusive), ascending. */
export const sumOrphans = read(function* (
  after: string,
  limit: number,
): Query<{ readonly blobs: number; readonly bytes: number; readonly last: Digest | undefined }> {
  const rows = yield* all<{ readonly digest: Digest; readonly sizeBytes: number | null }>(
    `SELECT v.digest AS "digest",
            (SELECT b.size_bytes FROM blobs b WHERE b.digest = v.digest AND NOT (${has('1 = 1')})) AS "sizeBytes"
       FROM reviews v WHERE v.repository_id = ${everyRepository} AND v.digest > ? ORDER BY v.digest LIMIT ?`,
    after,
    limit,
  );
  const sizes = rows.flatMap(({ sizeBytes }) => (sizeBytes === null ? [] : [sizeBytes]));
  return {
    blobs: sizes.length,
    bytes: sizes.reduce((sum, size) => sum + size, 0),
    last: rows.length === limit ? rows.at(-1)?.digest : undefined,
  };
});

const repositoryColumns = `r.id AS "repositoryId", r.name AS "repository",
  coalesce((SELECT 1 FROM mirrored_repositories x WHERE x.repository_id = r.id), 0) AS "isMirrored"`;

const toRepository = decoder<CountedRepository>('isMirrored');
const toChangedRepository = decoder<ChangedRepository>('isMirrored');

/** Lists repositories after the id `after` (exclusive), ascending by id. */
export const listById = read(function* (after: number, limit: number): Query<readonly CountedRepository[]> {
  const rows = yield* all<Row>(
    `SELECT ${repositoryColumns} FROM repositories r WHERE r.id > ? ORDER BY r.id LIMIT ?`,
    after,
    limit,
  );
  return rows.map(toRepository);
});

/**
 * Lists repositories with garbage that were counted before `before`, and `pauseMs` for each of their contents before that; the
 * oldest count first.
 */
export const listWithGarbage = read(function* (
  before: number,
  pauseMs: number,
  limit: number,
): Query<readonly CountedRepository[]> {
  const rows = yield* all<Row>(
    `SELECT ${repositoryColumns} FROM repository_usage u JOIN repositories r ON r.id = u.repository_id
      WHERE u.garbage_bytes > 0 AND u.counted_at < ? AND u.counted_at + u.contents * CAST(? AS BIGINT) < CAST(? AS BIGINT)
      ORDER BY u.counted_at, u.repository_id LIMIT ?`,
    before,
    pauseMs,
    before,
    limit,
  );
  return rows.map(toRepository);
});

/** Reads the repositories that at most `limit` events after the id `after` (exclusive) have changed. */
export const listChanged = read(function* (
  after: number,
  limit: number,
): Query<{ readonly repositories: readonly ChangedRepository[]; readonly last: number; readonly hasMore: boolean }> {
  const events = yield* all<{ readonly id: number; readonly repository: RepositoryName | null }>(
    'SELECT id AS "id", repository AS "repository" FROM events WHERE id > ? ORDER BY id LIMIT ?',
    after,
    limit,
  );
  const repositories: ChangedRepository[] = [];
  for (const name of new Set(events.flatMap(({ repository }) => repository ?? []))) {
    const row = yield* first<Row>(
      `SELECT ${repositoryColumns}, u.contents AS "contents", u.counted_at AS "countedAt"
         FROM repositories r LEFT JOIN repository_usage u ON u.repository_id = r.id WHERE r.name = ?`,
      name,
    );
    if (row) repositories.push(toChangedRepository(row));
  }
  return { repositories, last: events.at(-1)?.id ?? after, hasMore: events.length === limit };
});

/** What was counted of a repository. */
export interface NewUsage extends UsageSums {
  readonly repositoryId: number;
  /** Manifests that `garbageCollection.untagged` would delete, and the bytes that it would free. */
  readonly untaggedManifests: number;
  readonly untaggedBytes: number;
}

/** Replaces what was counted of a repository. Does nothing if it has been deleted meanwhile. */
export const record = withoutSync(
  concurrentWrite(function* (usage: NewUsage, now: number): Query<void> {
    const { repositoryId, contents, bytes, ownBytes, heldBytes, cacheBytes, trashBytes, garbageBytes } = usage;
    const { untaggedManifests, untaggedBytes } = usage;
    const found = yield* first<{ readonly name: RepositoryName }>(
      'SELECT name AS "name" FROM repositories WHERE id = ?',
      repositoryId,
    );
    if (!found) return;
    yield* run('DELETE FROM repository_usage WHERE repository_id = ?', repositoryId);
    const sums = [contents, bytes, ownBytes, heldBytes, cacheBytes, trashBytes, garbageBytes, untaggedManifests, untaggedBytes];
    yield* run(
      `INSERT INTO repository_usage (repository_id, namespace, contents, bytes, own_bytes, held_bytes, cache_bytes, trash_bytes,
         garbage_bytes, untagged_manifests, untagged_bytes, counted_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      repositoryId,
      found.name.split('/', 1)[0] ?? '',
      ...sums,
      now,
    );
  }),
);

/** How far the count of all repositories is, and what belongs to no repository. */
export interface UsageState {
  /** Begin of the count that runs or ran last, and the end of the last complete one; null: there was none yet. */
  readonly startedAt: number | null;
  readonly completedAt: number | null;
  /** The id of the last repository that the count has reached; null between two counts. */
  readonly position: number | null;
  /** The last event whose repository was counted again. */
  readonly eventPosition: number;
  /** True if something has changed since the begin of the last count. */
  readonly isStale: boolean;
  /** Blobs without a repository that wait for their deletion. */
  readonly orphanBlobs: number;
  readonly orphanBytes: number;
  readonly indexBytes: number;
  readonly uploads: number;
  readonly uploadBytes: number;
}

const initialState: UsageState = {
  startedAt: null,
  completedAt: null,
  position: null,
  eventPosition: 0,
  isStale: true,
  orphanBlobs: 0,
  orphanBytes: 0,
  indexBytes: 0,
  uploads: 0,
  uploadBytes: 0,
};

const toState = decoder<UsageState>('isStale');

export const findState = read(function* (): Query<UsageState> {
  const row = yield* first<Row>(
    `SELECT started_at AS "startedAt", completed_at AS "completedAt", position AS "position", event_position AS "eventPosition",
            is_stale AS "isStale", orphan_blobs AS "orphanBlobs", orphan_bytes AS "orphanBytes", index_bytes AS "indexBytes", uploads AS "uploads",
            upload_bytes AS "uploadBytes" FROM usage_state WHERE id = 1`,
  );
  return row ? toState(row) : initialState;
});

export const putState = withoutSync(
  concurrentWrite(function* (state: UsageState): Query<void> {
    const { startedAt, completedAt, position, eventPosition, isStale, orphanBlobs, orphanBytes } = state;
    yield* run(
      `INSERT INTO usage_state (id, started_at, completed_at, position, event_position, is_stale, orphan_blobs, orphan_bytes,
         index_bytes, uploads, upload_bytes) VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET started_at = excluded.started_at, completed_at = excluded.completed_at,
         position = excluded.position, event_position = excluded.event_position, is_stale = excluded.is_stale,
         orphan_blobs = excluded.orphan_blobs,
         orphan_bytes = excluded.orphan_bytes, index_bytes = excluded.index_bytes, uploads = excluded.uploads,
         upload_bytes = excluded.upload_bytes`,
      ...[startedAt, completedAt, position, eventPosition, isStale ? 1 : 0, orphanBlobs, orphanBytes],
      ...[state.indexBytes, state.uploads, state.uploadBytes],
    );
  }),
);
