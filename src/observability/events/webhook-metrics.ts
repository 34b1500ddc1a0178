import { Counter, Gauge, type Registry } from '../prometheus/client.ts';

/** Messages of one target. */
export interface WebhookBacklog {
  readonly target: string;
  readonly waiting: number;
  readonly dead: number;
  /** Seconds since the oldest waiting message began to wait. */
  readonly lagSeconds: number;
}

/** Metrics of webhooks. */
export interface WebhookMetrics {
  /** A message was sent; `dead`: it was given up. */
  tried(target: string, result: 'delivered' | 'failed' | 'dead'): void;
  /** Messages about pulls were lost. */
  pullsLost(messages: number): void;
  /** Registers gauges that call `backlogs` at each scrape. They have no values while it rejects. */
  watch(backlogs: () => Promise<readonly WebhookBacklog[]>): void;
}

export function createWebhookMetrics(registry: Registry): WebhookMetrics {
  const registers = [registry];
  const deliveries = new Counter({
    name: 'berth_webhook_deliveries_total',
    help: 'tries to send a message of a webhook, by result',
    labelNames: ['target', 'result'],
    registers,
  });
  const lost = new Counter({ name: 'berth_webhook_lost_pulls_total', help: 'messages about pulls that were lost', registers });
  return {
    tried: (target, result) => deliveries.inc({ target, result }),
    pullsLost: (messages) => lost.inc(messages),
    watch(backlogs) {
      const gauge = (name: string, help: string, read: (backlog: WebhookBacklog) => number) =>
        new Gauge({
          name: `berth_webhook_${name}`,
          help,
          labelNames: ['target'],
          registers,
          async collect() {
            this.reset();
            for (const backlog of await backlogs().catch(() => [])) this.set({ target: backlog.target }, read(backlog));
          },
        });
      gauge('waiting', 'messages that wait for their delivery', ({ waiting }) => waiting);
      gauge('dead_letters', 'messages that were given up and can be sent again', ({ dead }) => dead);
      gauge(
        'lag_seconds',
        'seconds since the oldest waiting message began to wait; 0 if none waits',
        ({ lagSeconds }) => lagSeconds,
      );
    },
  };
}
