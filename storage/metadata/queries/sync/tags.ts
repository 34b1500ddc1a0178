import type { Digest } from '../../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../../src/oci/reference.ts';
import { type Query, all, concurrentWrite, first, read, run } from '../steps/query.ts';

/** Where tags pointed at both sides of an entry of `sync`. Times are milliseconds since 1970. */

export interface SyncTagRecord {
  readonly tag: string;
  readonly source: Digest;
  /** Null: the tag was deleted at the target. */
  readonly target: Digest | null;
  /** When the two were first found unequal and left so; null: they were equal. */
  readonly differsSince: number | null;
}

/** Lists tags of a repository after `after` (exclusive), ascending by bytes. `repository` is the name at the target. */
export const list = read(function* (
  entry: string,
  repository: RepositoryName,
  after: string,
  limit: number,
): Query<readonly SyncTagRecord[]> {
  return yield* all<SyncTagRecord>(
    `SELECT tag AS "tag", source_digest AS "source", target_digest AS "target", differs_since AS "differsSince"
       FROM sync_tags WHERE entry = ? AND repository = ? AND tag > ? ORDER BY tag LIMIT ?`,
    entry,
    repository,
    after,
    limit,
  );
});

/** Lists names of repositories with tags after `after` (exclusive), ascending by bytes. */
export const listRepositories = read(function* (entry: string, after: string, limit: number): Query<readonly RepositoryName[]> {
  const rows = yield* all<{ repository: RepositoryName }>(
    `SELECT DISTINCT repository AS "repository" FROM sync_tags WHERE entry = ? AND repository > ? ORDER BY repository LIMIT ?`,
    entry,
    after,
    limit,
  );
  return rows.map(({ repository }) => repository);
});

/** Returns the number of tags of the entry that are at the target. */
export const count = read(function* (entry: string): Query<number> {
  const row = yield* first<{ tags: number }>(
    'SELECT count(*) AS "tags" FROM sync_tags WHERE entry = ? AND target_digest IS NOT NULL',
    entry,
  );
  return row?.tags ?? 0;
});

export const put = concurrentWrite(function* (entry: string, repository: RepositoryName, record: SyncTagRecord): Query<void> {
  const { tag, source, target, differsSince } = record;
  yield* run(
    `INSERT INTO sync_tags (entry, repository, tag, source_digest, target_digest, differs_since) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT (entry, repository, tag) DO UPDATE SET source_digest = excluded.source_digest,
       target_digest = excluded.target_digest, differs_since = excluded.differs_since`,
    entry,
    repository,
    tag,
    source,
    target,
    differsSince,
  );
});

export const remove = concurrentWrite(function* (entry: string, repository: RepositoryName, tag: string): Query<void> {
  yield* run('DELETE FROM sync_tags WHERE entry = ? AND repository = ? AND tag = ?', entry, repository, tag);
});
