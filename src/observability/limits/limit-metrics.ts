import { Counter, type Registry } from 'prom-client';

/** Metrics of the limits of clients. */
export interface LimitMetrics {
  /** A request was refused with 429. `limit`: pulls, pushes, requests or logins. */
  refused(limit: string): void;
}

export function createLimitMetrics(registry: Registry): LimitMetrics {
  const refused = new Counter({
    name: 'berth_rate_limited_total',
    help: 'requests that a rate limit refused',
    labelNames: ['limit'],
    registers: [registry],
  });
  return { refused: (limit) => refused.inc({ limit }) };
}
