import { type Query, insertRows, run } from './query.ts';
import { type AuditEvent, insertLine, lineOf } from './audit-steps.ts';

/** Writes lines that belong to no change. */
export function* recordAudit(events: readonly AuditEvent[]): Query<void> {
  yield* insertRows(insertLine, events.map(lineOf), '');
}

/** Drops audit lines older than `before`. */
export function* pruneAudit(before: number): Query<void> {
  yield* run('DELETE FROM audit_events WHERE at < ?', before);
}
