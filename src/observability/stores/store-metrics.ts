import type { Registry } from '../prometheus/client.ts';
import { type Observe, createHistogram } from '../prometheus/histogram.ts';

/** Calls of the blob store and of the metadata store. */
export type StoreName = 'blobs' | 'metadata';

/** Metrics of the calls of the stores. */
export interface StoreMetrics {
  /** `outcome`: `ok`, or the code of the error. */
  called(store: StoreName, operation: string, outcome: string, seconds: number): void;
}

/** Upper bounds of the buckets, in seconds: a read of SQLite takes some microseconds, a request to a bucket may take seconds. */
const bounds = [0.0001, 0.0005, 0.002, 0.01, 0.05, 0.25, 1, 5];

export function createStoreMetrics(registry: Registry): StoreMetrics {
  const create = createHistogram(registry, {
    name: 'berth_store_call_seconds',
    help: 'durations of calls of the stores; outcome: ok, or the code of the error',
    bounds,
  });
  const series = { blobs: new Map<string, Map<string, Observe>>(), metadata: new Map<string, Map<string, Observe>>() };
  return {
    called(store, operation, outcome, seconds) {
      let byOutcome = series[store].get(operation);
      if (!byOutcome) series[store].set(operation, (byOutcome = new Map<string, Observe>()));
      let observe = byOutcome.get(outcome);
      if (!observe) byOutcome.set(outcome, (observe = create({ store, operation, outcome })));
      observe(seconds);
    },
  };
}
