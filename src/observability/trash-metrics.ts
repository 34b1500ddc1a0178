import type { Registry } from './prometheus/client.ts';
import { counterOf } from './prometheus/registration.ts';

/** Counts manifests that move into the trash and out of it. */
export interface TrashMetrics {
  /** `purged`: deleted for good. */
  moved(change: 'deleted' | 'restored' | 'purged', manifests: number): void;
}

export function createTrashMetrics(registry: Registry): TrashMetrics {
  const manifests = counterOf(registry)('trash_manifests_total', 'manifests deleted, restored and purged', ['change']);
  return { moved: (change, count) => manifests.inc({ change }, count) };
}
