import { type Query, run } from '../query.ts';
import { type AuditEvent, record } from './audit-steps.ts';

/** Writes lines that belong to no change. */
export function* recordAudit(events: readonly AuditEvent[]): Query<void> {
  for (const event of events) yield* record(event);
}

/** Drops audit lines older than `before`. */
export function* pruneAudit(before: number): Query<void> {
  yield* run('DELETE FROM audit_events WHERE at < ?', before);
}
