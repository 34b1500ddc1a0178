import { Counter, Gauge, type Registry } from '../prometheus/client.ts';

/** Metrics of what clients are refused. */
export interface LimitMetrics {
  /** A request was refused with 429. `limit`: pulls, pushes, requests or logins. */
  refused(limit: string): void;
  /** A connection was closed because it rested (`idle`), or refused, because there are too many. */
  connectionDropped(reason: 'idle' | 'refused'): void;
  /** Calls `open` for the number of connections at each scrape. */
  watchConnections(open: () => number): void;
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
  const dropped = new Counter({
    name: 'berth_http_connections_dropped_total',
    help: 'connections that were closed (idle) or refused because there were too many',
    labelNames: ['reason'],
    registers: [registry],
  });
  // Rates and alerts need the zero before the first one.
  for (const reason of ['idle', 'refused']) dropped.inc({ reason }, 0);
  let countOpen = () => 0;
  new Gauge({
    name: 'berth_http_connections',
    help: 'open connections of clients',
    registers: [registry],
    collect() {
      this.set(countOpen());
    },
  });
  return {
    connectionDropped: (reason) => dropped.inc({ reason }),
    watchConnections: (count) => void (countOpen = count),
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
