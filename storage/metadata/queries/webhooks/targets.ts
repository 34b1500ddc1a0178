import { type Query, all, concurrentWrite, first, insertRows, read, run, write } from '../steps/query.ts';

/** Targets of webhooks that servers were started with. Times are milliseconds since 1970. */

export interface WebhookTargetRecord {
  readonly name: string;
  /** Messages that wait for their delivery. */
  readonly waiting: number;
  /** Messages that were given up. */
  readonly dead: number;
  /** Failures in a row. */
  readonly failures: number;
  /** Nothing is sent before this time. */
  readonly retryAt: number;
  readonly succeededAt: number | null;
  readonly failedAt: number | null;
  /** Why the last delivery failed. */
  readonly error: string | null;
  /** When the oldest waiting message began to wait; null: none waits. */
  readonly waitingSince: number | null;
}

const oldestWaiting = `(SELECT d.queued_at FROM webhook_deliveries d
  WHERE d.target = t.name AND d.state = 'waiting' ORDER BY d.id LIMIT 1)`;

const columns = `t.name AS "name", t.waiting AS "waiting", t.dead AS "dead", t.failures AS "failures", t.retry_at AS "retryAt",
  t.succeeded_at AS "succeededAt", t.failed_at AS "failedAt", t.error AS "error", ${oldestWaiting} AS "waitingSince"`;

/** Records that a server has these targets in its configuration. */
export const add = concurrentWrite(function* (names: readonly string[], now: number): Query<void> {
  const rows = [...names].sort().map((name) => [name, now]);
  yield* insertRows(
    'INSERT INTO webhook_targets (name, seen_at)',
    rows,
    'ON CONFLICT (name) DO UPDATE SET seen_at = excluded.seen_at',
  );
});

export const find = read(function* (name: string): Query<WebhookTargetRecord | undefined> {
  return yield* first<WebhookTargetRecord>(`SELECT ${columns} FROM webhook_targets t WHERE t.name = ?`, name);
});

/** Returns all targets that messages were recorded for, by name. */
export const list = read(function* (): Query<readonly WebhookTargetRecord[]> {
  return yield* all<WebhookTargetRecord>(`SELECT ${columns} FROM webhook_targets t ORDER BY t.name`);
});

/** Ends the pauses of a target that failed and of its repositories, because its receiver works again. */
export const resume = concurrentWrite(function* (name: string): Query<void> {
  const failing = yield* all('UPDATE webhook_targets SET retry_at = 0 WHERE name = ? AND failures > 0 RETURNING name', name);
  if (failing.length > 0) yield* run('UPDATE webhook_queues SET due_at = 0 WHERE target = ?', name);
});

/**
 * Forgets targets that no server has had in its configuration since `before`, with their messages: at most `limit` messages in
 * one call. Returns the number of deleted messages.
 */
export const forget = write(function* (before: number, limit: number): Query<number> {
  const stale = yield* first<{ name: string }>('SELECT name AS "name" FROM webhook_targets WHERE seen_at < ? LIMIT 1', before);
  if (!stale) return 0;
  const deleted = yield* all(
    `DELETE FROM webhook_deliveries WHERE id IN (SELECT id FROM webhook_deliveries WHERE target = ? LIMIT ?) RETURNING id`,
    stale.name,
    limit,
  );
  if (deleted.length < limit) {
    yield* run('DELETE FROM webhook_queues WHERE target = ?', stale.name);
    yield* run('DELETE FROM webhook_targets WHERE name = ?', stale.name);
  }
  return deleted.length;
});
