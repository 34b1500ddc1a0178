import type { Digest } from '../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../src/oci/reference.ts';
import { type Query, all, concurrentWrite, read } from './steps/query.ts';
import { type AuditEvent, recordAll } from './steps/events.ts';

/** The audit log: a view of the events. Times are milliseconds since 1970. */

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

interface AuditRow extends AuditRecord {
  readonly repository: RepositoryName | null;
  readonly tag: string | null;
  readonly digest: Digest | null;
  readonly previous: Digest | null;
}

const auditColumns = `id AS "id", at AS "at", actor AS "actor", address AS "address", kind AS "action", target AS "target",
  result AS "result", detail AS "detail", repository AS "repository", tag AS "tag", digest AS "digest", previous AS "previous"`;

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
  const rows = yield* all<AuditRow>(`SELECT ${auditColumns} FROM events WHERE ${conditions} ${order}`, ...values, limit);
  return rows.map(toRecord);
});

/** The detail of a change of content shows the digest and the tags too. */
function toRecord({ repository, tag, digest, previous, ...record }: AuditRow): AuditRecord {
  if (repository === null) return record;
  const detail = record.detail === null ? {} : (JSON.parse(record.detail) as object);
  const pushed = tag === null ? [] : [{ name: tag, before: previous }];
  const tags = record.action === 'manifest.push' ? { tags: pushed } : { tag: tag ?? undefined };
  return { ...record, detail: JSON.stringify({ ...tags, digest, ...detail }) };
}

/** Records logins and refusals: they belong to no change. */
export const record = concurrentWrite(function* (events: readonly AuditEvent[]): Query<void> {
  yield* recordAll(events);
});
