import type { Digest } from '../../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../../src/oci/reference.ts';
import { type Query, type Row, all, concurrentWrite, decoder, first, read } from '../steps/query.ts';

/** What retention did. Times are milliseconds since 1970. */

/**
 * - `untagged`: the tag was deleted; its manifest has other tags, or an index needs it.
 * - `trashed`: the manifest was deleted with its last tags.
 * - `changed`: nothing was done, because it was not as planned any more.
 */
export type RetentionOutcome = 'untagged' | 'trashed' | 'changed';

export interface RetentionLine {
  readonly id: number;
  readonly at: number;
  readonly planId: string;
  readonly repository: RepositoryName;
  readonly digest: Digest;
  /** '' for a manifest without a tag. */
  readonly tag: string;
  readonly rule: string;
  readonly reason: string;
  readonly outcome: RetentionOutcome;
  /** True if a person had approved the plan. */
  readonly isApproved: boolean;
}

const toLine = decoder<RetentionLine>('isApproved');

/** Lines before the id `before` (exclusive), of one repository or of all, newest first. */
export const list = read(function* (
  repository: RepositoryName | undefined,
  before: number,
  limit: number,
): Query<readonly RetentionLine[]> {
  const where = repository === undefined ? '' : 'repository = ? AND ';
  const rows = yield* all<Row>(
    `SELECT id AS "id", at AS "at", plan_id AS "planId", repository AS "repository", digest AS "digest", tag AS "tag",
            rule AS "rule", reason AS "reason", outcome AS "outcome", is_approved AS "isApproved"
       FROM retention_log WHERE ${where}id < ? ORDER BY id DESC LIMIT ?`,
    ...(repository === undefined ? [] : [repository]),
    before,
    limit,
  );
  return rows.map(toLine);
});

/** Counts tags and manifests that expired since `since` without an approval. */
export const countExpired = read(function* (since: number): Query<number> {
  const row = yield* first<{ count: number }>(
    `SELECT count(*) AS "count" FROM retention_log WHERE at > ? AND is_approved = 0 AND outcome <> 'changed'`,
    since,
  );
  return row?.count ?? 0;
});

/** Deletes at most `limit` of the oldest lines if they are older than `before`. Returns how many. */
export const prune = concurrentWrite(function* (before: number, limit: number): Query<number> {
  const rows = yield* all(
    `DELETE FROM retention_log WHERE id IN (
       SELECT o.id FROM (SELECT id, at FROM retention_log ORDER BY id LIMIT ?) o WHERE o.at < ?) RETURNING id`,
    limit,
    before,
  );
  return rows.length;
});
