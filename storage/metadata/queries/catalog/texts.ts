import type { RepositoryName } from '../../../../src/oci/reference.ts';
import { type Query, concurrentWrite, first, read, run } from '../steps/query.ts';
import { type AuditEvent, record } from '../steps/events.ts';

/** What people have written about repositories. They outlive a mirrored repository that is evicted. */

export interface RepositoryTexts {
  /** One line. */
  readonly description: string;
  /** Markdown. */
  readonly readme: string;
  /** Milliseconds since 1970. */
  readonly updatedAt: number;
  readonly updatedBy: string;
}

/** Returns the texts of a repository; undefined if there are none. */
export const find = read(function* (repository: RepositoryName): Query<RepositoryTexts | undefined> {
  return yield* first<RepositoryTexts>(
    `SELECT description AS "description", readme AS "readme", updated_at AS "updatedAt", updated_by AS "updatedBy"
       FROM repository_texts WHERE repository = ?`,
    repository,
  );
});

/** Sets the texts of a repository, with a line in the audit log. */
export const put = concurrentWrite(function* (
  repository: RepositoryName,
  { description, readme, updatedAt, updatedBy }: RepositoryTexts,
  event: AuditEvent,
): Query<void> {
  yield* run(
    `INSERT INTO repository_texts (repository, description, readme, updated_at, updated_by) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (repository) DO UPDATE SET description = excluded.description, readme = excluded.readme,
       updated_at = excluded.updated_at, updated_by = excluded.updated_by`,
    repository,
    description,
    readme,
    updatedAt,
    updatedBy,
  );
  yield* record(event);
});
