import { type Query, all, concurrentWrite, first, read, run, withoutSync } from '../steps/query.ts';

/** Long work that people follow, while it runs and for some time after. Times are milliseconds since 1970. */

export interface JobRecord {
  readonly id: string;
  readonly kind: string;
  /** Id of the account that began it; `server` for work of the server. */
  readonly owner: string;
  readonly subject: string;
  readonly unit: string;
  readonly state: string;
  readonly done: number;
  /** Null: unknown. */
  readonly total: number | null;
  /** Why it failed; ''. */
  readonly message: string;
  /** Path of the page that shows what it made; ''. */
  readonly result: string;
  readonly startedAt: number;
  /** Last sign of life. */
  readonly updatedAt: number;
  readonly endedAt: number | null;
  /** When somebody cancelled it; null: nobody did. */
  readonly cancelledAt: number | null;
}

export type NewJob = Pick<JobRecord, 'id' | 'kind' | 'owner' | 'subject' | 'unit' | 'total' | 'startedAt'>;

export type JobEnd = Pick<JobRecord, 'state' | 'done' | 'total' | 'message' | 'result'> & { readonly endedAt: number };

const columns = `id AS "id", kind AS "kind", owner AS "owner", subject AS "subject", unit AS "unit", state AS "state",
  done AS "done", total AS "total", message AS "message", result AS "result", started_at AS "startedAt",
  updated_at AS "updatedAt", ended_at AS "endedAt", cancelled_at AS "cancelledAt"`;

export const find = read(function* (id: string): Query<JobRecord | undefined> {
  return yield* first<JobRecord>(`SELECT ${columns} FROM jobs WHERE id = ?`, id);
});

/** Lists jobs, newest first: of one owner, or of all. */
export const list = read(function* (owner: string | undefined, limit: number): Query<readonly JobRecord[]> {
  if (owner === undefined) return yield* all<JobRecord>(`SELECT ${columns} FROM jobs ORDER BY started_at DESC LIMIT ?`, limit);
  return yield* all<JobRecord>(`SELECT ${columns} FROM jobs WHERE owner = ? ORDER BY started_at DESC LIMIT ?`, ...[owner, limit]);
});

export const begin = withoutSync(
  concurrentWrite(function* ({ id, kind, owner, subject, unit, total, startedAt }: NewJob): Query<void> {
    yield* run(
      `INSERT INTO jobs (id, kind, owner, subject, unit, state, done, total, message, result, started_at, updated_at)
       VALUES (?, ?, ?, ?, ?, 'running', 0, ?, '', '', ?, ?)`,
      ...[id, kind, owner, subject, unit, total, startedAt, startedAt],
    );
  }),
);

/** Records progress as a sign of life. Returns true if somebody has cancelled the job. */
export const report = withoutSync(
  concurrentWrite(function* (id: string, done: number, total: number | null, now: number): Query<boolean> {
    const rows = yield* all<{ readonly cancelledAt: number | null }>(
      'UPDATE jobs SET done = ?, total = ?, updated_at = ? WHERE id = ? RETURNING cancelled_at AS "cancelledAt"',
      ...[done, total, now, id],
    );
    return (rows[0]?.cancelledAt ?? null) !== null;
  }),
);

export const end = withoutSync(
  concurrentWrite(function* (id: string, { state, done, total, message, result, endedAt }: JobEnd): Query<void> {
    yield* run(
      'UPDATE jobs SET state = ?, done = ?, total = ?, message = ?, result = ?, updated_at = ?, ended_at = ? WHERE id = ?',
      ...[state, done, total, message, result, endedAt, endedAt, id],
    );
  }),
);

/** Asks the process that runs the job to cancel it. */
export const cancel = concurrentWrite(function* (id: string, now: number): Query<void> {
  yield* run('UPDATE jobs SET cancelled_at = ? WHERE id = ? AND ended_at IS NULL', now, id);
});

/** Forgets jobs without a sign of life since `before`. */
export const forget = concurrentWrite(function* (before: number): Query<void> {
  yield* run('DELETE FROM jobs WHERE updated_at < ?', before);
});
