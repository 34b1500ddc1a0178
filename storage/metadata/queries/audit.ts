import { type Query, all, concurrentWrite, insertRows, read, run, write } from './steps/query.ts';
import { type AuditEvent, insertLine, lineOf } from './steps/audit.ts';

/** The audit log. Times are milliseconds since 1970. */

export interface AuditRecord {
  readonly id: number;
  readonly at: number;
  readonly actor: string;
  readonly address: string;
  readonly action: string;
  readonly target: string;
  readonly result: string;
  /** JSON, or null. */
  readonly detail: string | null;
}

export interface AuditFilter {
  readonly actor?: string | undefined;
  readonly target?: string | undefined;
}

const auditColumns = `id AS "id", at AS "at", actor AS "actor", address AS "address", action AS "action",
  target AS "target", result AS "result", detail AS "detail"`;

/** Events before the id `before` (exclusive), newest first. */
export const list = read(function* (filter: AuditFilter, before: number, limit: number): Query<readonly AuditRecord[]> {
  const { actor, target } = filter;
  const conditions = [
    ...(actor === undefined ? [] : ['actor = ?']),
    ...(target === undefined ? [] : ['target = ?']),
    'id < ?',
  ].join(' AND ');
  const values = [actor, target, before].filter((value) => value !== undefined);
  const order = 'ORDER BY id DESC LIMIT ?';
  return yield* all<AuditRecord>(`SELECT ${auditColumns} FROM audit_events WHERE ${conditions} ${order}`, ...values, limit);
});

/** Writes lines that belong to no change. */
export const record = concurrentWrite(function* (events: readonly AuditEvent[]): Query<void> {
  yield* insertRows(insertLine, events.map(lineOf), '');
});

/** Drops audit lines older than `before`. */
export const prune = write(function* (before: number): Query<void> {
  yield* run('DELETE FROM audit_events WHERE at < ?', before);
});
