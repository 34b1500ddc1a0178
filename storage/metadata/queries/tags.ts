import { type Condition, etagOf, holds } from '../../../src/oci/condition.ts';
import type { Digest } from '../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../src/oci/reference.ts';
import { type Query, all, concurrentWrite, first, read, write } from './steps/query.ts';
import { type DatedAuthor, recordContentChange } from './steps/events.ts';
import { inRepository } from './steps/content.ts';
import { reviewUntagged } from './steps/reviews.ts';
import { recordTagChanges } from './steps/tag-history.ts';

/** Tags of repositories. */

/** Returns tag names after `after` (exclusive), ascending by bytes. */
export const list = read(function* (repository: RepositoryName, after: string, limit: number): Query<readonly string[]> {
  const rows = yield* all<{ name: string }>(
    `SELECT name AS "name" FROM tags WHERE ${inRepository} AND name > ? ORDER BY name LIMIT ?`,
    repository,
    after,
    limit,
  );
  return rows.map((row) => row.name);
});

/** Returns the names of all tags that point at the manifest, ascending. */
export const listOf = read(function* (repository: RepositoryName, digest: Digest): Query<readonly string[]> {
  const rows = yield* all<{ name: string }>(
    `SELECT name AS "name" FROM tags WHERE ${inRepository} AND digest = ? ORDER BY name`,
    repository,
    digest,
  );
  return rows.map((row) => row.name);
});

/** Removes the tag; the manifest stays. False if there is no such tag. The next pull of a mirrored tag asks the upstream. */
export const remove = concurrentWrite(function* (repository: RepositoryName, tag: string, author: DatedAuthor): Query<boolean> {
  const isMirrored = yield* first(
    'DELETE FROM mirrored_tags WHERE name = ? AND repository_id = (SELECT id FROM repositories WHERE name = ?) RETURNING name',
    tag,
    repository,
  );
  const row = yield* first<{ repositoryId: number; digest: Digest }>(
    `DELETE FROM tags WHERE name = ? AND repository_id = (SELECT id FROM repositories WHERE name = ?)
     RETURNING repository_id AS "repositoryId", digest AS "digest"`,
    tag,
    repository,
  );
  if (!row) return false;
  yield* reviewUntagged(row.repositoryId, row.digest, author.at);
  if (!isMirrored) yield* recordTagChanges(row.repositoryId, [{ name: tag, from: row.digest, to: null }], author);
  yield* recordContentChange(author, { kind: 'tag.delete', repository, tag, digest: row.digest });
  return true;
});

/**
 * Removes the tag as `remove` does, if the condition holds for its digest. False for a tag that does not exist, whatever the
 * condition.
 */
export const removeIf = write(function* (
  repository: RepositoryName,
  tag: string,
  author: DatedAuthor,
  condition: Condition,
): Query<boolean | 'conflict'> {
  const row = yield* first<{ digest: Digest }>(
    `SELECT digest AS "digest" FROM tags WHERE ${inRepository} AND name = ?`,
    repository,
    tag,
  );
  if (row && !holds(condition, etagOf(row.digest))) return 'conflict';
  return yield* remove(repository, tag, author);
});
