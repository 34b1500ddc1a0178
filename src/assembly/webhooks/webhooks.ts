import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Config } from '../../../config/schema.ts';
import type { WebhookMetrics } from '../../observability/events/webhook-metrics.ts';
import type { Place } from '../../webhooks/format.ts';
import { type WebhookOverview, createWebhookOverview } from '../../webhooks/overview.ts';
import { type Webhooks, type WebhooksOptions, createWebhooks } from '../../webhooks/webhooks.ts';
import { readWebhookTargets } from './targets.ts';

export interface WebhookParts extends Pick<WebhooksOptions, 'leases' | 'log' | 'metadata' | 'now' | 'monotonic'> {
  readonly metrics: WebhookMetrics;
}

/** Opens the webhooks of the configuration. Rejects with `ConfigError`. */
export async function openWebhooks(config: Config, { metrics, ...parts }: WebhookParts): Promise<Webhooks> {
  const targets = await readWebhookTargets(config);
  const { pulls, pullPercent, retryFor, backlog, keepDelivered, keepDead } = config.webhooks;
  const webhooks = createWebhooks({
    ...parts,
    targets,
    backlog,
    place: readPlace(config),
    retrySeconds: retryFor,
    keepDeliveredSeconds: keepDelivered,
    keepDeadSeconds: keepDead,
    pulls: pulls === 'off' ? 0 : pulls === 'all' ? 1 : pullPercent / 100,
    events: metrics,
  });
  await webhooks.open();
  const { webhookTargets } = parts.metadata;
  metrics.watch(async () => {
    const names = new Set(targets.map(({ name }) => name));
    return (await webhookTargets.list())
      .filter(({ name }) => names.has(name))
      .map(({ name, waiting, dead, waitingSince }) => ({
        target: name,
        waiting,
        dead,
        lagSeconds: waitingSince === null ? 0 : Math.max(0, parts.now() - waitingSince) / 1000,
      }));
  });
  return webhooks;
}

/** Opens what admins see of webhooks. Rejects with `ConfigError`. */
export async function openWebhookOverview(config: Config, metadata: WebhooksOptions['metadata']): Promise<WebhookOverview> {
  return createWebhookOverview({
    targets: await readWebhookTargets(config),
    metadata,
    place: readPlace(config),
    now: Date.now,
  });
}

/** Without a public URL messages name the address that berth listens on: receivers may not reach it. */
function readPlace({ publicUrl, listen, tls }: Pick<Config, 'publicUrl' | 'listen' | 'tls'>): Place {
  const isAny = listen.host === '0.0.0.0' || listen.host === '::';
  const host = isAny ? hostname() : listen.host.includes(':') ? `[${listen.host}]` : listen.host;
  const listening = `${tls.certificate === undefined ? 'http' : 'https'}://${host}:${listen.port}`;
  return {
    url: publicUrl?.replace(/\/+$/, '') ?? listening,
    node: `${hostname()}:${listen.port}`,
    instance: randomUUID(),
  };
}
