import type { RegistryEvent } from '../../storage/metadata/queries/events.ts';
import type { NewDelivery } from '../../storage/metadata/queries/webhooks/deliveries.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import type { EventHandler } from '../events/consumer.ts';
import { type IdentifiedMessage, messagesOf } from './message.ts';
import type { Outbox } from './outbox.ts';
import { type Target, isChosen, webhookConsumerName } from './target.ts';

export interface FanOutParts {
  readonly metadata: Pick<MetadataStore, 'manifests'>;
  readonly targets: readonly Target[];
  readonly outbox: Outbox;
}

/** Events that become messages in one transaction. */
const batch = 200;

/** Creates the consumer of events that records a message for each target that wants it. It sends nothing itself. */
export function createFanOut({ metadata, targets, outbox }: FanOutParts): EventHandler {
  async function deliveriesOf(event: RegistryEvent): Promise<readonly NewDelivery[]> {
    const wanted = targets.flatMap((target) =>
      messagesOf(event, target)
        .filter(({ message }) => isChosen(target.repositories, message.repository))
        .map((identified) => ({ target, identified })),
    );
    if (wanted.length === 0) return [];
    const described = await describe(event);
    return wanted.map(({ target, identified }) => toDelivery(target.name, identified, described));
  }

  /** A manifest that was deleted since has no media type and no size any more. */
  async function describe({
    kind,
    content,
  }: RegistryEvent): Promise<{ readonly mediaType?: string; readonly sizeBytes?: number }> {
    if (!content || !/^(?:manifest\.(?:push|restore)|tag\.restore)$/.test(kind)) return {};
    const found = await metadata.manifests.findByDigest(content.repository, content.digest);
    return found ? { mediaType: found.mediaType, sizeBytes: found.sizeBytes } : {};
  }

  return {
    name: webhookConsumerName,
    batch,
    isPrompt: true,
    repeatSeconds: 0,
    async handle(events) {
      const deliveries: NewDelivery[] = [];
      for (const event of events) deliveries.push(...(await deliveriesOf(event)));
      await outbox.add(deliveries);
    },
  };
}

export function toDelivery(
  target: string,
  { id, message }: IdentifiedMessage,
  described: { readonly mediaType?: string; readonly sizeBytes?: number } = {},
): NewDelivery {
  const { repository, type } = message;
  return { target, messageId: id, repository, type, content: JSON.stringify({ ...message, ...described }) };
}
