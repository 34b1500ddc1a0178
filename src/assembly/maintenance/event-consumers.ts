import type { Config } from '../../../config/schema.ts';
import type { BlobDriver } from '../../../storage/blobs/driver.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { type ConsumerParts, type EventHandler, createConsumer } from '../../events/consumer.ts';
import { type Consumers, createConsumers } from '../../events/consumers.ts';
import { type PushedImages, createIndexHandler, indexConsumerName } from '../../images/view/index-pushes.ts';
import { createLinkHandler, linkConsumerName } from '../../maintenance/export/link-consumer.ts';
import type { EventMetrics } from '../../observability/event-metrics.ts';

export interface EventConsumerParts extends ConsumerParts {
  readonly metadata: MetadataStore;
  readonly driver: BlobDriver;
  /** False if the links in the store belong to another registry. */
  readonly ownsLinks: boolean;
  /** Returns the service that indexes pushed images. */
  readonly images: () => Promise<PushedImages>;
  readonly metrics: EventMetrics;
}

/** Creates the consumers of events that the configuration asks for, and makes them known to the metadata store. */
export async function openConsumers(
  { storage, page }: Pick<Config, 'storage' | 'page'>,
  parts: EventConsumerParts,
): Promise<Consumers> {
  const { driver, metadata, ownsLinks, images, metrics } = parts;
  const handlers: EventHandler[] = [];
  if (storage.blobs.links === 'behind' && ownsLinks) handlers.push(createLinkHandler({ driver, metadata }));
  else await forget(metadata, linkConsumerName);
  if (page.index === 'push') handlers.push(createIndexHandler(images));
  else await forget(metadata, indexConsumerName);
  const consumers = createConsumers(handlers.map((handler) => createConsumer(handler, parts)));
  await consumers.open();
  metrics.watch(consumers.lags);
  return consumers;
}

/**
 * A consumer that is switched off keeps no events from being deleted. When it is switched on again, it begins with the next
 * event.
 */
async function forget({ events }: Pick<MetadataStore, 'events'>, consumer: string): Promise<void> {
  if (await events.findConsumer(consumer)) await events.removeConsumer(consumer);
}
