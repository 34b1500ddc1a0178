import type { RepositoryName } from '../../../../src/oci/reference.ts';
import { type Query, all, concurrentWrite, first, read, run, withoutSync } from '../steps/query.ts';
import type { DeliveryRecord, DeliveryState } from './deliveries.ts';
import { columns } from './steps.ts';

/** The repositories with messages that wait for a target, and how sending them went. Times are milliseconds since 1970. */

export interface DeliverySuccess {
  readonly target: string;
  readonly repository: RepositoryName | '';
  readonly id: number;
  readonly at: number;
  readonly status: number;
}

export interface DeliveryFailure extends Omit<DeliverySuccess, 'status'> {
  readonly status: number | null;
  readonly error: string;
  /** True if the message is given up: then the next one of the repository follows at once. */
  readonly isDead: boolean;
  /** Earliest next try of this repository. */
  readonly dueAt: number;
  /** Earliest next try of the target; undefined: the failure says nothing about other messages. */
  readonly retryAt: number | undefined;
}

/** A repository with waiting messages. */
export interface WebhookQueue {
  readonly repository: RepositoryName | '';
  /** Failures in a row of its first message. */
  readonly failures: number;
}

/**
 * Returns at most `limit` repositories whose messages may be sent to the target now, those that waited longest first. A time
 * later than `horizon` cannot be right: the clock was set back, and it counts as past.
 */
export const listDue = read(function* (
  target: string,
  now: number,
  horizon: number,
  limit: number,
): Query<readonly WebhookQueue[]> {
  return yield* all<WebhookQueue>(
    `SELECT repository AS "repository", failures AS "failures" FROM webhook_queues
      WHERE target = ? AND (due_at <= ? OR due_at > ?) ORDER BY due_at, repository LIMIT ?`,
    target,
    now,
    horizon,
    limit,
  );
});

/** Returns the next messages of the repository for the target, in their order. */
export const listNext = read(function* (
  target: string,
  repository: RepositoryName | '',
  limit: number,
): Query<readonly DeliveryRecord[]> {
  return yield* all<DeliveryRecord>(
    `SELECT ${columns} FROM webhook_deliveries WHERE target = ? AND repository = ? AND state = 'waiting' ORDER BY id LIMIT ?`,
    target,
    repository,
    limit,
  );
});

/** Forgets that messages of the repository wait for the target, if none does. New ones are recorded by writes that run alone. */
export const close = concurrentWrite(function* (target: string, repository: RepositoryName | ''): Query<void> {
  yield* run(
    `DELETE FROM webhook_queues WHERE target = ? AND repository = ? AND NOT EXISTS
       (SELECT 1 FROM webhook_deliveries WHERE target = ? AND repository = ? AND state = 'waiting')`,
    target,
    repository,
    target,
    repository,
  );
});

/** Ends a message. Returns the state that it had; undefined: it has been deleted. */
function* end(
  id: number,
  state: DeliveryState,
  at: number,
  status: number | null,
  error: string | null,
): Query<DeliveryState | undefined> {
  const row = yield* first<{ state: DeliveryState }>('SELECT state AS "state" FROM webhook_deliveries WHERE id = ?', id);
  yield* run(
    `UPDATE webhook_deliveries SET state = ?, attempts = attempts + 1, status = ?, error = ?, ended_at = ? WHERE id = ?`,
    state,
    status,
    error,
    state === 'waiting' ? null : at,
    id,
  );
  return row?.state;
}

/** Records that the receiver has accepted a message. If that is lost in a power failure, the message is sent again. */
export const recordSuccess = withoutSync(
  concurrentWrite(function* ({ target, repository, id, at, status }: DeliverySuccess): Query<void> {
    const former = yield* end(id, 'delivered', at, status, null);
    yield* run(
      `UPDATE webhook_targets SET waiting = waiting - ?, dead = dead - ?, failures = 0, retry_at = 0, succeeded_at = ?, error = NULL
      WHERE name = ?`,
      former === 'waiting' ? 1 : 0,
      former === 'dead' ? 1 : 0,
      at,
      target,
    );
    yield* run('UPDATE webhook_queues SET failures = 0, due_at = 0 WHERE target = ? AND repository = ?', target, repository);
  }),
);

/** Records that a message could not be delivered. A power failure may forget the try. */
export const recordFailure = withoutSync(
  concurrentWrite(function* (failure: DeliveryFailure): Query<void> {
    const { target, repository, id, at, status, error, isDead, dueAt, retryAt } = failure;
    const former = yield* first<{ state: DeliveryState }>('SELECT state AS "state" FROM webhook_deliveries WHERE id = ?', id);
    const state = isDead || former?.state === 'dead' ? 'dead' : 'waiting';
    yield* end(id, state, at, status, error);
    const moved = former?.state === 'waiting' && state === 'dead' ? 1 : 0;
    yield* run(
      `UPDATE webhook_targets SET waiting = waiting - ?, dead = dead + ?, failed_at = ?, error = ?,
            failures = failures + ?, retry_at = coalesce(CAST(? AS BIGINT), retry_at) WHERE name = ?`,
      moved,
      moved,
      at,
      error,
      retryAt === undefined ? 0 : 1,
      retryAt ?? null,
      target,
    );
    yield* run(
      `UPDATE webhook_queues SET failures = ${isDead ? '0' : 'failures + 1'}, due_at = ?
      WHERE target = ? AND repository = ?`,
      isDead ? 0 : dueAt,
      target,
      repository,
    );
  }),
);
