import { Gauge, type Registry } from './prometheus/client.ts';
import { counterOf } from './prometheus/registration.ts';

/** Records what retention does in this process. */
export interface RetentionMetrics {
  expired(counts: Readonly<Record<string, number>>): void;
  /** Sets whether a plan waits for an approval. */
  setWaiting(isWaiting: boolean): void;
}

export function createRetentionMetrics(registry: Registry): RetentionMetrics {
  const expired = counterOf(registry)(
    'retention_expired_total',
    'tags and manifests that retention expired (untagged, trashed) or found changed, by outcome',
    ['outcome'],
  );
  const waiting = new Gauge({
    name: 'berth_retention_plan_waiting',
    help: '1 while a plan waits for berth retention approve; by the process that runs retention',
    registers: [registry],
  });
  return {
    expired(counts) {
      for (const [outcome, count] of Object.entries(counts)) expired.inc({ outcome }, count);
    },
    setWaiting: (isWaiting) => waiting.set(isWaiting ? 1 : 0),
  };
}
