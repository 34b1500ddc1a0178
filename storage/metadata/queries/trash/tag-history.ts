import type { Digest } from '../../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../../src/oci/reference.ts';
import { type Query, all, concurrentWrite, first, read, run, write } from '../steps/query.ts';
import { type DatedAuthor, recordContentChange } from '../steps/events.ts';
import { pointTag } from '../steps/content.ts';
import { withinQuotas } from '../steps/quotas.ts';
import { recordTagChanges } from '../steps/tag-history.ts';

/** Queries for the manifests that a tag pointed at and for who moved it. Times are milliseconds since 1970. */

export interface TagHistoryRecord {
  readonly id: number;
  readonly at: number;
  /** Null: the tag was new. */
  readonly from: Digest | null;
  /** Null: the tag was deleted. */
  readonly to: Digest | null;
  readonly actor: string;
  readonly reason: string;
}

/** Lists moves of a tag before the id `before` (exclusive), newest first. */
export const list = read(function* (
  repository: RepositoryName,
  tag: string,
  before: number,
  limit: number,
): Query<readonly TagHistoryRecord[]> {
  return yield* all<TagHistoryRecord>(
    `SELECT id AS "id", at AS "at", from_digest AS "from", to_digest AS "to", actor AS "actor", reason AS "reason"
       FROM tag_history WHERE repository_id = (SELECT id FROM repositories WHERE name = ?) AND name = ? AND id < ?
      ORDER BY id DESC LIMIT ?`,
    repository,
    tag,
    before,
    limit,
  );
});

export interface TagMoveRequest {
  readonly repository: RepositoryName;
  readonly tag: string;
  readonly digest: Digest;
  /** Nothing is changed where the tag exists and points at another manifest. */
  readonly isFixed: boolean;
  readonly reason: string;
  /** True if quotas are configured. */
  readonly isLimited?: boolean;
  readonly author: DatedAuthor;
}

/** - `moved`: also where it pointed there already. `unknown`: the repository has no such manifest. `fixed`: see `isFixed`. */
export type TagMoveResult = 'moved' | 'unknown' | 'fixed';

/** Points a tag at a manifest of the repository. Rejects `QuotaRefusal` if a quota of tags would be exceeded. */
export const moveTag = write(function* (request: TagMoveRequest): Query<TagMoveResult> {
  return yield* withinQuotas(request.repository, request.isLimited === true, () => move(request));
});

function* move(request: TagMoveRequest): Query<TagMoveResult> {
  const { repository, tag, digest, reason, author } = request;
  const found = yield* first<{ id: number }>(
    'SELECT r.id AS "id" FROM repositories r JOIN manifests m ON m.repository_id = r.id AND m.digest = ? WHERE r.name = ?',
    digest,
    repository,
  );
  if (!found) return 'unknown';
  const current = yield* first<{ digest: Digest }>(
    'SELECT digest AS "digest" FROM tags WHERE repository_id = ? AND name = ?',
    found.id,
    tag,
  );
  if (current?.digest === digest) return 'moved';
  if (current && request.isFixed) return 'fixed';
  const before = yield* pointTag(found.id, tag, digest, author.at);
  yield* recordTagChanges(found.id, [{ name: tag, from: before, to: digest }], author, reason);
  yield* recordContentChange(author, { kind: 'tag.restore', repository, digest, tag, previous: before });
  return 'moved';
}

/** Deletes at most `limit` of the oldest moves if they are older than `before`. Returns how many. */
export const prune = concurrentWrite(function* (before: number, limit: number): Query<number> {
  const oldest = yield* all<{ id: number; at: number }>(
    'SELECT id AS "id", at AS "at" FROM tag_history WHERE id > 0 ORDER BY id LIMIT ?',
    limit,
  );
  const kept = oldest.findIndex(({ at }) => at >= before);
  const old = kept < 0 ? oldest : oldest.slice(0, kept);
  const last = old.at(-1);
  if (last) yield* run('DELETE FROM tag_history WHERE id <= ?', last.id);
  return old.length;
});
