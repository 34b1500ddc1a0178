import { Counter, Gauge, type Registry } from '../prometheus/client.ts';

/** Metrics of what clients are refused. */
export interface LimitMetrics {
  /** A request was refused with 429. `limit`: pulls, pushes, requests or logins. */
  refused(limit: string): void;
  /** Registers a gauge that calls `isReadOnly` at each scrape. It has no value while `isReadOnly` rejects. */
  watchReadOnly(isReadOnly: () => Promise<boolean>): void;
}

export function createLimitMetrics(registry: Registry): LimitMetrics {
  const refused = new Counter({
    name: 'berth_rate_limited_total',
    help: 'requests that a rate limit refused',
    labelNames: ['limit'],
    registers: [registry],
  });
  return {
    refused: (limit) => refused.inc({ limit }),
    watchReadOnly(isReadOnly) {
      new Gauge({
        name: 'berth_read_only',
        help: '1 while clients can change no content: maintenance mode, or readOnly in the configuration',
        registers: [registry],
        async collect() {
          this.reset();
          const readOnly = await isReadOnly().catch(() => undefined);
          if (readOnly === undefined) this.remove();
          else this.set(readOnly ? 1 : 0);
        },
      });
    },
  };
}
