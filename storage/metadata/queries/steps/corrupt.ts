import type { Digest } from '../../../../src/oci/digest.ts';
import { recordAll } from './events.ts';
import { type Query, first } from './query.ts';

/** Steps about content in quarantine: its bytes were found missing or wrong. Times are milliseconds since 1970. */

/** Returns the condition that the content whose digest is in `column` is not in quarantine. */
export function isIntact(column: string): string {
  return `NOT EXISTS (SELECT 1 FROM corrupt_content q WHERE q.digest = ${column})`;
}

/** Ends the quarantine of content whose bytes are right again, and records the event. False if it was not in quarantine. */
export function* endQuarantine(digest: Digest, now: number): Query<boolean> {
  const row = yield* first<{ problem: string; foundAt: number }>(
    'DELETE FROM corrupt_content WHERE digest = ? RETURNING problem AS "problem", found_at AS "foundAt"',
    digest,
  );
  if (!row) return false;
  const detail = JSON.stringify(row);
  yield* recordAll([{ at: now, actor: '', address: '', action: 'content.repaired', target: digest, result: 'done', detail }]);
  return true;
}
