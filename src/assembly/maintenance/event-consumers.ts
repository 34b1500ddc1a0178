import type { Config } from '../../../config/schema.ts';
import type { BlobDriver } from '../../../storage/blobs/driver.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { type ConsumerParts, type EventHandler, createConsumer } from '../../events/consumer.ts';
import { type Consumers, createConsumers } from '../../events/consumers.ts';
import { type PushedImages, createIndexHandler, indexConsumerName } from '../../images/view/index-pushes.ts';
import { createLinkHandler, linkConsumerName } from '../../maintenance/export/link-consumer.ts';
import type { Log } from '../../observability/log.ts';
import type { Metrics } from '../../observability/metrics.ts';
import { webhookConsumerName } from '../../webhooks/target.ts';
import type { Webhooks } from '../../webhooks/webhooks.ts';

export interface EventConsumerParts extends ConsumerParts {
  readonly metadata: MetadataStore;
  readonly driver: BlobDriver;
  /** False if the links in the store belong to another registry. */
  readonly ownsLinks: boolean;
  /** Returns the service that indexes pushed images. */
  readonly images: () => Promise<PushedImages>;
  readonly log: Pick<Log, 'warn' | 'error'>;
  readonly metrics: Pick<Metrics, 'events' | 'webhooks'>;
}

/** Consumers of events, with the webhooks that one of them feeds. */
export interface EventConsumers extends Consumers {
  /** Undefined if there is no target. */
  readonly webhooks: Webhooks | undefined;
}

/** Creates the consumers of events that the configuration asks for, and makes them known to the metadata store. */
export async function openConsumers(config: Config, parts: EventConsumerParts): Promise<EventConsumers> {
  const { storage, page } = config;
  const { driver, metadata, ownsLinks, images, metrics } = parts;
  const handlers: EventHandler[] = [];
  if (storage.blobs.links !== 'behind') await forget(metadata, linkConsumerName);
  else if (ownsLinks) handlers.push(createLinkHandler({ driver, metadata }));
  // The adoption may have been finished since the store was inspected: the next start then writes links for every event since.
  else await forget(metadata, linkConsumerName, 'removeConsumerBeforeAdoption');
  if (page.index === 'push') handlers.push(createIndexHandler(images));
  else await forget(metadata, indexConsumerName);
  const webhooks = await openTargets(config, parts);
  if (webhooks) handlers.push(webhooks.handler);
  else await forget(metadata, webhookConsumerName);
  const consumers = createConsumers(handlers.map((handler) => createConsumer(handler, parts)));
  await consumers.open();
  metrics.events.watch(consumers.lags);
  return {
    ...consumers,
    webhooks,
    async close(graceSeconds) {
      await consumers.close(graceSeconds);
      await webhooks?.close();
    },
  };
}

/** Loads what sends messages only where there is a target. */
async function openTargets(config: Config, { metrics, ...parts }: EventConsumerParts): Promise<Webhooks | undefined> {
  if (Object.keys(config.webhooks.targets).length === 0) return undefined;
  const { openWebhooks } = await import('../webhooks/webhooks.ts');
  return openWebhooks(config, { ...parts, metrics: metrics.webhooks });
}

/**
 * A consumer that is switched off keeps no events from being deleted. When it is switched on again, it begins with the next
 * event.
 */
async function forget(
  { events }: Pick<MetadataStore, 'events'>,
  consumer: string,
  remove: 'removeConsumer' | 'removeConsumerBeforeAdoption' = 'removeConsumer',
): Promise<void> {
  // Without a write where there is nothing to remove: the store may be read-only.
  if (await events.findConsumer(consumer)) await events[remove](consumer);
}
