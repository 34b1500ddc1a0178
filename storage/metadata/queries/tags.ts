import type { Digest } from '../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../src/oci/reference.ts';
import { type Query, all, concurrentWrite, first, read, run } from './steps/query.ts';
import { type DatedAuthor, recordContentChange } from './steps/events.ts';
import { inRepository } from './steps/content.ts';
import { reviewUntagged } from './steps/reviews.ts';

/** Tags of repositories. */

/** Tag names after `after` (exclusive), ascending by bytes. */
export const list = read(function* (repository: RepositoryName, after: string, limit: number): Query<readonly string[]> {
  const rows = yield* all<{ name: string }>(
    `SELECT name AS "name" FROM tags WHERE ${inRepository} AND name > ? ORDER BY name LIMIT ?`,
    repository,
    after,
    limit,
  );
  return rows.map((row) => row.name);
});

/** Takes the tag out of the repository and says whether it was there. The manifest stays. A mirrored tag is asked for anew. */
export const remove = concurrentWrite(function* (repository: RepositoryName, tag: string, author: DatedAuthor): Query<boolean> {
  yield* run(
    'DELETE FROM mirrored_tags WHERE name = ? AND repository_id = (SELECT id FROM repositories WHERE name = ?)',
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
  yield* recordContentChange(author, { kind: 'tag.delete', repository, tag, digest: row.digest });
  return true;
});
