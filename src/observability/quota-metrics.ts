import { Gauge, type Registry } from './prometheus/client.ts';
import { counterOf } from './prometheus/registration.ts';

/** Metrics of quotas. */
export interface QuotaMetrics {
  /** A push was refused. `rule`: name of the rule in the configuration. */
  refused(rule: string): void;
  /** The trash has deleted manifests for good to make room. */
  yielded(manifests: number): void;
  /** Registers a gauge that calls `isCounting` at each scrape. It has no value while `isCounting` rejects. */
  watchCounting(isCounting: () => Promise<boolean>): void;
}

export function createQuotaMetrics(registry: Registry): QuotaMetrics {
  const counter = counterOf(registry);
  const refused = counter('quota_refused_total', 'pushes that a quota had no room for', ['quota']);
  const yielded = counter('trash_yielded_manifests_total', 'manifests of the trash that were deleted early to make room');
  return {
    refused: (rule) => refused.inc({ quota: rule }),
    yielded: (manifests) => yielded.inc(manifests),
    watchCounting(isCounting) {
      new Gauge({
        name: 'berth_quotas_counting',
        help: '1 while content is counted for new quotas, which are not enforced until then',
        registers: [registry],
        async collect() {
          this.reset();
          const counting = await isCounting().catch(() => undefined);
          if (counting !== undefined) this.set(counting ? 1 : 0);
        },
      });
    },
  };
}
