import type { RepositoryName } from '../../../../src/oci/reference.ts';
import { type Query, insertRows, run } from '../steps/query.ts';

/** Query steps about messages of webhooks. */

/** Where a message belongs. */
export interface Placed {
  readonly target: string;
  readonly repository: RepositoryName | '';
}

/** The columns of a `DeliveryRecord`. */
export const columns = `id AS "id", target AS "target", message_id AS "messageId", repository AS "repository", type AS "type",
  content AS "content", state AS "state", queued_at AS "queuedAt", attempts AS "attempts", status AS "status", error AS "error",
  ended_at AS "endedAt"`;

/** Records that the repositories have messages for their targets. */
export function* openQueues(deliveries: readonly Placed[]): Query<void> {
  const queues = new Map(deliveries.map(({ target, repository }) => [`${target} ${repository}`, [target, repository]]));
  yield* insertRows(
    'INSERT INTO webhook_queues (target, repository)',
    [...queues.values()],
    'ON CONFLICT (target, repository) DO NOTHING',
  );
}

/** Changes the counters of a target. */
export function* addToCounters(target: string, waiting: number, dead: number): Query<void> {
  yield* run('UPDATE webhook_targets SET waiting = waiting + ?, dead = dead + ? WHERE name = ?', waiting, dead, target);
}
