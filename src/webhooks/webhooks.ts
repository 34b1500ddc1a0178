import type { MetadataStore } from '../../storage/metadata/store.ts';
import type { Leases } from '../coordination/leases.ts';
import type { EventHandler } from '../events/consumer.ts';
import type { Log } from '../observability/log.ts';
import { createClient } from './client.ts';
import { createFanOut } from './fan-out.ts';
import type { Place } from './format.ts';
import { createOutbox } from './outbox.ts';
import { type PullMessages, createPullMessages } from './pulls.ts';
import { createSender } from './sender.ts';
import type { Target } from './target.ts';

/** What happens to messages. */
export interface WebhookEvents {
  tried(target: string, result: 'delivered' | 'failed' | 'dead'): void;
  /** Messages about pulls were lost before they were durable, or because the backlog was long. */
  pullsLost(messages: number): void;
}

export interface WebhooksOptions {
  readonly targets: readonly Target[];
  /** Largest number of messages that wait for a target, and of those that were given up. */
  readonly backlog: number;
  readonly retrySeconds: number;
  readonly keepDeliveredSeconds: number;
  readonly keepDeadSeconds: number;
  /** Part of the pulls that make messages, from 0 to 1. */
  readonly pulls: number;
  readonly place: Place;
  readonly metadata: Pick<MetadataStore, 'manifests' | 'webhookDeliveries' | 'webhookQueues' | 'webhookTargets'>;
  /** Undefined if no other process serves from the same stores. */
  readonly leases: Pick<Leases, 'take'> | undefined;
  readonly log: Pick<Log, 'warn' | 'error'>;
  readonly events: WebhookEvents;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Milliseconds on a clock that is never set; default: the process's own. */
  readonly monotonic?: () => number;
  /** Returns a number from 0 to 1, exclusive. Default: `Math.random`. */
  readonly random?: () => number;
}

/** Webhooks in a server. */
export interface Webhooks {
  /** Records messages for events. */
  readonly handler: EventHandler;
  readonly pulls: PullMessages;
  /** Records that this server has the targets. Call it before the first event. */
  open(): Promise<void>;
  /** Writes pulls and begins to send what is due; does not wait for receivers. */
  run(): Promise<void>;
  /** Resolves when nothing is being sent. */
  settled(): Promise<void>;
  /** Deletes old messages, and those of targets that no configuration has any more. */
  tidy(): Promise<void>;
  /** Waits a moment for requests in progress, and interrupts the others. Call it after the last event. */
  close(): Promise<void>;
}

/** Time without a server that has the target in its configuration, after which its messages are deleted. */
const forgetMilliseconds = 7 * 24 * 3_600_000;

/** Messages that one transaction deletes. */
const tidyBatch = 500;

export function createWebhooks(options: WebhooksOptions): Webhooks {
  const { targets, backlog, place, metadata, leases, log, events, now, monotonic, random = Math.random } = options;
  const { webhookDeliveries: deliveries } = metadata;
  const senders = targets.map((target) =>
    createSender({
      name: target.name,
      client: createClient(target, { place, now }),
      metadata,
      leases,
      log,
      now,
      monotonic,
      retryMilliseconds: options.retrySeconds * 1000,
      tried: (result) => events.tried(target.name, result),
    }),
  );
  const send = () => senders.forEach((sender) => void sender.run());
  const outbox = createOutbox({
    metadata,
    now,
    mostWaiting: backlog,
    added: send,
    givenUp(target, messages) {
      for (let message = 0; message < messages; message++) events.tried(target, 'dead');
      log.warn({ target, messages }, 'the backlog of a webhook is full: its oldest messages were given up');
    },
  });
  const pulls = createPullMessages({
    targets,
    outbox,
    metadata,
    mostWaiting: backlog,
    part: options.pulls,
    now,
    random,
    lost(messages, error) {
      events.pullsLost(messages);
      log.warn({ messages, err: error }, 'messages about pulls were lost');
    },
  });

  return {
    handler: createFanOut({ metadata, targets, outbox }),
    pulls,
    open: () =>
      metadata.webhookTargets.add(
        targets.map(({ name }) => name),
        now(),
      ),
    async run() {
      await pulls.flush();
      send();
    },
    async settled() {
      await Promise.all(senders.map((sender) => sender.settled()));
    },
    async tidy() {
      await metadata.webhookTargets.add(
        targets.map(({ name }) => name),
        now(),
      );
      await repeat(() => metadata.webhookTargets.forget(now() - forgetMilliseconds, tidyBatch));
      await repeat(() => deliveries.prune('delivered', now() - options.keepDeliveredSeconds * 1000, tidyBatch));
      await repeat(() => deliveries.prune('dead', now() - options.keepDeadSeconds * 1000, tidyBatch));
      for (const { name } of targets) await repeat(() => deliveries.trimDead(name, backlog, tidyBatch));
    },
    async close() {
      await pulls.flush();
      await Promise.all(senders.map((sender) => sender.close()));
    },
  };
}

/** Runs `step` until it has less to do than one transaction may. */
async function repeat(step: () => Promise<number>): Promise<void> {
  while ((await step()) === tidyBatch);
}
