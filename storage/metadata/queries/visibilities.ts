import { type Query, type Row, all, decoder, first, read, run, write } from './steps/query.ts';
import { type AuditEvent, recordAccessChange } from './steps/events.ts';

/**
 * Visibility of names and patterns. Every change is recorded in the audit log by the same transaction and raises the rights
 * version.
 */

export interface VisibilityRecord {
  readonly pattern: string;
  readonly isPublic: boolean;
}

const toVisibility = decoder<VisibilityRecord>('isPublic');

/** Returns the rule for exactly this name or pattern. */
export const find = read(function* (pattern: string): Query<VisibilityRecord | undefined> {
  const row = yield* first<Row>(
    'SELECT pattern AS "pattern", is_public AS "isPublic" FROM visibilities WHERE pattern = ?',
    pattern,
  );
  return row && toVisibility(row);
});

export const listWildcards = read(function* (): Query<readonly VisibilityRecord[]> {
  const rows = yield* all<Row>(
    'SELECT pattern AS "pattern", is_public AS "isPublic" FROM visibilities WHERE is_wildcard = 1 ORDER BY pattern',
  );
  return rows.map(toVisibility);
});

/** Returns rules after the name or pattern `after` (exclusive), ascending. */
export const list = read(function* (after: string, limit: number): Query<readonly VisibilityRecord[]> {
  const rows = yield* all<Row>(
    'SELECT pattern AS "pattern", is_public AS "isPublic" FROM visibilities WHERE pattern > ? ORDER BY pattern LIMIT ?',
    after,
    limit,
  );
  return rows.map(toVisibility);
});

/** Sets the visibility of the repositories that a name or pattern matches. */
export const put = write(function* (pattern: string, isPublic: boolean, isWildcard: boolean, event: AuditEvent): Query<void> {
  yield* run(
    `INSERT INTO visibilities (pattern, is_public, is_wildcard) VALUES (?, ?, ?)
     ON CONFLICT (pattern) DO UPDATE SET is_public = excluded.is_public`,
    pattern,
    isPublic ? 1 : 0,
    isWildcard ? 1 : 0,
  );
  yield* recordAccessChange(event);
});

/** Deletes the rule for a name or pattern. */
export const remove = write(function* (pattern: string, event: AuditEvent): Query<void> {
  yield* run('DELETE FROM visibilities WHERE pattern = ?', pattern);
  yield* recordAccessChange(event);
});
