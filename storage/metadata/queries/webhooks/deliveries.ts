import type { RepositoryName } from '../../../../src/oci/reference.ts';
import { type AuditEvent, record } from '../steps/events.ts';
import { type Query, all, batches, concurrentWrite, first, read, run, write } from '../steps/query.ts';
import { type Placed, addToCounters, columns, openQueues } from './steps.ts';

/** Messages for targets of webhooks, and how their delivery went. Times are milliseconds since 1970. */

export interface NewDelivery {
  readonly target: string;
  /** The same for the same message, whoever records it: it is recorded once. */
  readonly messageId: string;
  /** Messages of one repository are delivered in the order in which they were recorded. '': it is about no repository. */
  readonly repository: RepositoryName | '';
  readonly type: string;
  /** JSON. */
  readonly content: string;
}

export type DeliveryState = 'waiting' | 'delivered' | 'dead';

export interface DeliveryRecord extends NewDelivery {
  readonly id: number;
  readonly state: DeliveryState;
  /** When it began to wait. */
  readonly queuedAt: number;
  readonly attempts: number;
  /** Status of the last response; null: there was none. */
  readonly status: number | null;
  readonly error: string | null;
  /** When it was delivered or given up. */
  readonly endedAt: number | null;
}

const overflow = 'the backlog of the target was full';

/**
 * Records messages for targets that `targets.add` has recorded; those that are recorded already are passed over. If more than
 * `mostWaiting` wait for a target, its oldest ones are given up. Returns the number of messages that were given up, by target.
 */
export const enqueue = write(function* (
  deliveries: readonly NewDelivery[],
  now: number,
  mostWaiting: number,
): Query<Readonly<Record<string, number>>> {
  const added: Placed[] = [];
  for (const batch of batches(deliveries)) {
    const rows = yield* all<Placed>(
      `INSERT INTO webhook_deliveries (target, message_id, repository, type, content, state, queued_at)
       VALUES ${batch.map(() => "(?, ?, ?, ?, ?, 'waiting', ?)").join(', ')}
       ON CONFLICT (target, message_id) DO NOTHING RETURNING target AS "target", repository AS "repository"`,
      ...batch.flatMap(({ target, messageId, repository, type, content }) => [target, messageId, repository, type, content, now]),
    );
    added.push(...rows);
  }
  yield* openQueues(added);
  const givenUp: Record<string, number> = {};
  for (const [target, { length }] of Map.groupBy(added, (delivery) => delivery.target)) {
    const row = yield* first<{ waiting: number }>(
      'UPDATE webhook_targets SET waiting = waiting + ? WHERE name = ? RETURNING waiting AS "waiting"',
      length,
      target,
    );
    const excess = (row?.waiting ?? 0) - mostWaiting;
    if (excess > 0) givenUp[target] = yield* giveUpOldest(target, excess, now);
  }
  return givenUp;
});

function* giveUpOldest(target: string, count: number, now: number): Query<number> {
  const rows = yield* all(
    `UPDATE webhook_deliveries SET state = 'dead', error = ?, ended_at = ? WHERE id IN
       (SELECT id FROM webhook_deliveries WHERE target = ? AND state = 'waiting' ORDER BY id LIMIT ?) RETURNING id`,
    overflow,
    now,
    target,
    count,
  );
  yield* addToCounters(target, -rows.length, rows.length);
  return rows.length;
}

export interface DeliveryFilter {
  readonly target: string;
  readonly state?: DeliveryState | undefined;
}

/** Returns messages before the id `before` (exclusive), newest first. */
export const list = read(function* (
  { target, state }: DeliveryFilter,
  before: number,
  limit: number,
): Query<readonly DeliveryRecord[]> {
  const states = state === undefined ? ['waiting', 'delivered', 'dead'] : [state];
  const found: DeliveryRecord[] = [];
  for (const one of states)
    found.push(
      ...(yield* all<DeliveryRecord>(
        `SELECT ${columns} FROM webhook_deliveries WHERE target = ? AND state = ? AND id < ? ORDER BY id DESC LIMIT ?`,
        target,
        one,
        before,
        limit,
      )),
    );
  return found.sort((one, other) => other.id - one.id).slice(0, limit);
});

/**
 * Lets messages wait again, whether they were delivered or given up: those with the ids, or without `ids` at most `limit` of the
 * oldest that were given up. Returns their number.
 */
export const resend = write(function* (
  event: Omit<AuditEvent, 'detail'>,
  target: string,
  ids: readonly number[] | undefined,
  limit: number,
): Query<number> {
  const chosen = ids
    ? { sql: `id IN (${ids.map(() => '?').join(', ') || 'NULL'}) AND state <> 'waiting'`, values: ids }
    : { sql: "state = 'dead'", values: [] };
  const rows = yield* all<Pick<DeliveryRecord, 'id' | 'target' | 'repository' | 'state'>>(
    `SELECT id AS "id", target AS "target", repository AS "repository", state AS "state" FROM webhook_deliveries
      WHERE target = ? AND ${chosen.sql} ORDER BY id LIMIT ?`,
    target,
    ...chosen.values,
    limit,
  );
  for (const batch of batches(rows))
    yield* run(
      `UPDATE webhook_deliveries SET state = 'waiting', attempts = 0, queued_at = ?, ended_at = NULL
        WHERE id IN (${batch.map(() => '?').join(', ')})`,
      event.at,
      ...batch.map(({ id }) => id),
    );
  if (rows.length === 0) return 0;
  yield* openQueues(rows);
  yield* addToCounters(target, rows.length, -rows.filter(({ state }) => state === 'dead').length);
  yield* record({ ...event, detail: JSON.stringify({ messages: rows.length }) });
  return rows.length;
});

/** Deletes at most `limit` messages in the state that ended before `before`. Returns their number. */
export const prune = concurrentWrite(function* (state: 'delivered' | 'dead', before: number, limit: number): Query<number> {
  const rows = yield* all<{ target: string }>(
    `DELETE FROM webhook_deliveries WHERE id IN
       (SELECT id FROM webhook_deliveries WHERE state = ? AND ended_at < ? ORDER BY ended_at LIMIT ?) RETURNING target AS "target"`,
    state,
    before,
    limit,
  );
  if (state === 'dead')
    for (const [target, { length }] of Map.groupBy(rows, (row) => row.target)) yield* addToCounters(target, 0, -length);
  return rows.length;
});

/** Deletes the oldest messages of the target that were given up, so that at most `most` stay; at most `limit` in one call. */
export const trimDead = concurrentWrite(function* (target: string, most: number, limit: number): Query<number> {
  const row = yield* first<{ dead: number }>('SELECT dead AS "dead" FROM webhook_targets WHERE name = ?', target);
  const excess = Math.min((row?.dead ?? 0) - most, limit);
  if (excess <= 0) return 0;
  const rows = yield* all(
    `DELETE FROM webhook_deliveries WHERE id IN
       (SELECT id FROM webhook_deliveries WHERE target = ? AND state = 'dead' ORDER BY id LIMIT ?) RETURNING id`,
    target,
    excess,
  );
  yield* addToCounters(target, 0, -rows.length);
  return rows.length;
});
