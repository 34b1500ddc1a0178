import { Gauge, type Registry } from './prometheus/client.ts';

/** Metrics of copies between registries. */
export interface SyncMetrics {
  /** Registers a gauge that calls `ages` at each scrape. It has no values while `ages` rejects. */
  watchAges(ages: () => Promise<readonly { readonly entry: string; readonly seconds: number }[]>): void;
}

export function createSyncMetrics(registry: Registry): SyncMetrics {
  return {
    watchAges(ages) {
      new Gauge({
        name: 'berth_sync_age_seconds',
        help: 'seconds since the last run of an entry of sync without failures',
        labelNames: ['entry'],
        registers: [registry],
        async collect() {
          this.reset();
          for (const { entry, seconds } of await ages().catch(() => [])) this.set({ entry }, seconds);
        },
      });
    },
  };
}
