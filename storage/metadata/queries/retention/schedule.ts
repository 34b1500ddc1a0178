import type { RepositoryName } from '../../../../src/oci/reference.ts';
import { type Query, all, batches, concurrentWrite, first, insertRows, read, run, write } from '../steps/query.ts';
import { type AuditEvent, recordAll } from '../steps/events.ts';

/** When repositories are to be evaluated, and since when the rules are known. Times are milliseconds since 1970. */

export interface RetentionState {
  /** When a process last found the configured rules in force; at most an hour old while berth runs. */
  readonly aliveAt: number;
  /** The time for which the last run was due. */
  readonly ranAt: number;
  /** True while repositories are still to be marked as due, because the rules have changed. */
  readonly isSweeping: boolean;
}

/** A repository that is to be evaluated. */
export interface DueRepository {
  readonly repositoryId: number;
  readonly repository: RepositoryName;
  readonly dueAt: number;
}

const isPushed = 'NOT EXISTS (SELECT 1 FROM mirrored_repositories x WHERE x.repository_id = r.id)';

/** Returns the state of the schedule; undefined where no rule was ever in force. */
export const find = read(function* (): Query<RetentionState | undefined> {
  const row = yield* first<{ aliveAt: number; ranAt: number; sweepPosition: number | null }>(
    'SELECT alive_at AS "aliveAt", ran_at AS "ranAt", sweep_position AS "sweepPosition" FROM retention_state WHERE id = 1',
  );
  return row && { aliveAt: row.aliveAt, ranAt: row.ranAt, isSweeping: row.sweepPosition !== null };
});

/** Returns when each of the rules was first seen; missing ones are not known yet. */
export const findRules = read(function* (): Query<ReadonlyMap<string, number>> {
  const rows = yield* all<{ hash: string; firstSeenAt: number }>(
    'SELECT hash AS "hash", first_seen_at AS "firstSeenAt" FROM retention_rules',
  );
  return new Map(rows.map(({ hash, firstSeenAt }) => [hash, firstSeenAt]));
});

/**
 * Makes these rules the ones in force. Rules that were not before are seen for the first time now; with `isRestart` all are.
 * Both make every repository due, and drop plans that were made before.
 */
export const setRules = write(function* (hashes: readonly string[], now: number, isRestart: boolean): Query<void> {
  const known = yield* findRules();
  const isChanged = known.size !== hashes.length || hashes.some((hash) => !known.has(hash));
  yield* run(
    `INSERT INTO retention_state (id, alive_at, ran_at) VALUES (1, ?, ?)
     ON CONFLICT (id) DO UPDATE SET alive_at = excluded.alive_at`,
    now,
    now,
  );
  yield* run(
    `INSERT INTO event_cursors (consumer, position) VALUES (?, (SELECT coalesce(max(id), 0) FROM events))
     ON CONFLICT (consumer) DO NOTHING`,
    consumer,
  );
  const isNew = (hash: string) => isRestart || !known.has(hash);
  yield* insertRows(
    'INSERT INTO retention_rules (hash, first_seen_at)',
    hashes.filter(isNew).map((hash) => [hash, now]),
    'ON CONFLICT (hash) DO UPDATE SET first_seen_at = excluded.first_seen_at',
  );
  if (!isChanged && !isRestart) return;
  for (const hash of known.keys()) if (!hashes.includes(hash)) yield* run('DELETE FROM retention_rules WHERE hash = ?', hash);
  yield* run('DELETE FROM retention_plans');
  yield* run('UPDATE retention_state SET sweep_position = 0 WHERE id = 1');
});

/** Forgets rules, plans and due repositories: no rule is configured any more. */
export const clear = write(function* (): Query<void> {
  for (const table of ['retention_plans', 'retention_rules', 'retention_due', 'retention_state'])
    yield* run(`DELETE FROM ${table}`);
  yield* run('DELETE FROM event_cursors WHERE consumer = ?', consumer);
});

/** Records that the rules are in force. */
export const beat = concurrentWrite(function* (now: number): Query<void> {
  yield* run('UPDATE retention_state SET alive_at = ? WHERE id = 1', now);
});

/** Records that the run that was due at `at` is done, and what it did. */
export const recordRun = concurrentWrite(function* (at: number, events: readonly AuditEvent[] = []): Query<void> {
  yield* run('UPDATE retention_state SET ran_at = ? WHERE id = 1', at);
  yield* recordAll(events);
});

/** Reads the database's clock, in ISO 8601 or in its own notation. */
export const readClock = read(function* (): Query<string> {
  return (yield* first<{ time: string }>('SELECT CAST(CURRENT_TIMESTAMP AS TEXT) AS "time"'))?.time ?? '';
});

/** The name under which retention reads events: they are not deleted before. */
const consumer = 'retention';

const position = `SELECT position FROM event_cursors WHERE consumer = '${consumer}'`;

/** True if there are events that `takeChanges` has not read. */
export const hasChanges = read(function* (): Query<boolean> {
  return (yield* first(`SELECT 1 FROM events WHERE id > (${position}) ORDER BY id LIMIT 1`)) !== undefined;
});

/**
 * Marks repositories as due whose content has changed since the last call, at most `limit` events. Returns how many it read. Runs
 * alone, because events that are written beside each other commit in another order than that of their ids.
 */
export const takeChanges = write(function* (now: number, limit: number): Query<number> {
  const rows = yield* all<{ id: number; repository: RepositoryName | null }>(
    `SELECT id AS "id", repository AS "repository" FROM events WHERE id > (${position}) ORDER BY id LIMIT ?`,
    limit,
  );
  const last = rows.at(-1);
  if (!last) return 0;
  const names = [...new Set(rows.map(({ repository }) => repository))].filter((name) => name !== null);
  yield* markDue('name', names, now);
  yield* run('UPDATE event_cursors SET position = ? WHERE consumer = ?', last.id, consumer);
  return rows.length;
});

/** Marks the next `limit` repositories as due, after the rules have changed. Returns true while there may be more. */
export const sweep = write(function* (now: number, limit: number): Query<boolean> {
  const rows = yield* all<{ id: number }>(
    `SELECT r.id AS "id" FROM repositories r
      WHERE r.id > (SELECT sweep_position FROM retention_state WHERE id = 1) ORDER BY r.id LIMIT ?`,
    limit,
  );
  yield* markDue(
    'id',
    rows.map(({ id }) => id),
    now,
  );
  const isDone = rows.length < limit;
  yield* run('UPDATE retention_state SET sweep_position = ? WHERE id = 1', isDone ? null : (rows.at(-1)?.id ?? null));
  return !isDone;
});

function* markDue(column: 'id' | 'name', repositories: readonly (string | number)[], now: number): Query<void> {
  for (const batch of batches(repositories)) {
    const marks = batch.map(() => '?').join(', ');
    yield* run(
      `INSERT INTO retention_due (repository_id, due_at)
       SELECT r.id, CAST(? AS BIGINT) FROM repositories r WHERE r.${column} IN (${marks}) AND ${isPushed}
       ON CONFLICT (repository_id) DO UPDATE SET due_at = excluded.due_at WHERE retention_due.due_at > excluded.due_at`,
      now,
      ...batch,
    );
  }
}

/** Lists repositories that are due, the longest due first, after the last one of the page before. */
export const listDue = read(function* (
  now: number,
  after: Pick<DueRepository, 'dueAt' | 'repositoryId'>,
  limit: number,
): Query<readonly DueRepository[]> {
  return yield* all<DueRepository>(
    `SELECT d.repository_id AS "repositoryId", r.name AS "repository", d.due_at AS "dueAt"
       FROM retention_due d JOIN repositories r ON r.id = d.repository_id
      WHERE d.due_at <= ? AND (d.due_at, d.repository_id) > (?, ?) ORDER BY d.due_at, d.repository_id LIMIT ?`,
    now,
    after.dueAt,
    after.repositoryId,
    limit,
  );
});

/** Makes the repository due at `next`; null: not before its tags move. */
export const settle = concurrentWrite(function* (repositoryId: number, next: number | null): Query<void> {
  if (next === null) yield* run('DELETE FROM retention_due WHERE repository_id = ?', repositoryId);
  else yield* run('UPDATE retention_due SET due_at = ? WHERE repository_id = ?', next, repositoryId);
});
