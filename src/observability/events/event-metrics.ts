import { Gauge, type Registry } from '../prometheus/client.ts';

/** Seconds since the oldest event that a consumer has not handled; 0 if there is none. */
export interface ConsumerLag {
  readonly consumer: string;
  readonly seconds: number;
}

export interface EventMetrics {
  /** Registers gauges that call `lags` at each scrape. They have no value while it rejects. */
  watch(lags: () => Promise<readonly ConsumerLag[]>): void;
}

export function createEventMetrics(registry: Registry): EventMetrics {
  return {
    watch(lags) {
      new Gauge({
        name: 'berth_events_lag_seconds',
        help: 'seconds since the oldest event that the consumer has not handled; 0 if there is none',
        labelNames: ['consumer'],
        registers: [registry],
        async collect() {
          this.reset();
          for (const { consumer, seconds } of await lags().catch(() => [])) this.set({ consumer }, seconds);
        },
      });
      new Gauge({
        name: 'berth_links_lag_seconds',
        help: "seconds since the oldest change that the links of Distribution's layout do not show; 0 if there is none",
        registers: [registry],
        async collect() {
          this.remove();
          const links = (await lags().catch(() => [])).find(({ consumer }) => consumer === 'links');
          if (links) this.set(links.seconds);
        },
      });
    },
  };
}
