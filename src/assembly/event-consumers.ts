import { type ConsumerParts, type EventHandler, createConsumer } from '../events/consumer.ts';
import { type Consumers, createConsumers } from '../events/consumers.ts';
import type { EventMetrics } from '../observability/event-metrics.ts';

export interface EventConsumerParts extends ConsumerParts {
  readonly metrics: EventMetrics;
}

/** Creates the consumers of events that the configuration asks for, and makes them known to the metadata store. */
export async function openConsumers({ metrics, ...parts }: EventConsumerParts): Promise<Consumers> {
  const handlers: readonly EventHandler[] = [];
  const consumers = createConsumers(handlers.map((handler) => createConsumer(handler, parts)));
  await consumers.open();
  metrics.watch(consumers.lags);
  return consumers;
}
