import type { NewDelivery } from '../../storage/metadata/queries/webhooks/deliveries.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';

/** Records messages durably, for the senders of all processes. */
export interface Outbox {
  /** Resolves when the messages are durable; those that are there already are passed over. */
  add(deliveries: readonly NewDelivery[]): Promise<void>;
}

export interface OutboxParts {
  readonly metadata: Pick<MetadataStore, 'webhookDeliveries'>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Largest number of messages that wait for a target; then its oldest ones are given up. */
  readonly mostWaiting: number;
  /** Called after messages were recorded. */
  readonly added: () => void;
  /** Called when a full backlog has made messages of a target dead letters. */
  readonly givenUp: (target: string, messages: number) => void;
}

export function createOutbox({ metadata, now, mostWaiting, added, givenUp }: OutboxParts): Outbox {
  return {
    async add(deliveries) {
      if (deliveries.length === 0) return;
      const counts = await metadata.webhookDeliveries.enqueue(deliveries, now(), mostWaiting);
      for (const [target, messages] of Object.entries(counts)) givenUp(target, messages);
      added();
    },
  };
}
