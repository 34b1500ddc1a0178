import { randomUUID } from 'node:crypto';
import type { NewDelivery } from '../../storage/metadata/queries/webhooks/deliveries.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import type { Author } from '../registry/author.ts';
import type { Digest } from '../oci/digest.ts';
import type { RepositoryName } from '../oci/reference.ts';
import { toDelivery } from './fan-out.ts';
import type { Message } from './message.ts';
import type { Outbox } from './outbox.ts';
import { type Target, isChosen } from './target.ts';

/** A manifest that a client has pulled. */
export interface ClientPull {
  readonly repository: RepositoryName;
  readonly digest: Digest;
  /** Undefined: the client has named the digest. */
  readonly tag: string | undefined;
  readonly mediaType: string;
  readonly sizeBytes: number;
}

/**
 * Makes messages of pulls. They are no events of the metadata store: a registry has many more pulls than changes. They wait in
 * memory for at most a second, and a crash loses those.
 */
export interface PullMessages {
  /** Writes nothing itself. */
  add(pull: ClientPull, author: () => Author): void;
  /** Resolves when the pulls added before are durable, or their write has failed. Never rejects. */
  flush(): Promise<void>;
}

export interface PullMessagesOptions {
  readonly targets: readonly Target[];
  readonly outbox: Outbox;
  readonly metadata: Pick<MetadataStore, 'webhookTargets'>;
  /** Largest number of messages that wait for a target. Pulls fill half of it. */
  readonly mostWaiting: number;
  /** Part of the pulls that make messages, from 0 to 1. */
  readonly part: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Returns a number from 0 to 1, exclusive. */
  readonly random: () => number;
  /** Called when so many messages about pulls are lost. */
  readonly lost: (messages: number, error?: unknown) => void;
}

/** Messages in memory; further pulls until the next write are lost, and counted. */
const mostPending = 10_000;

export function createPullMessages(options: PullMessagesOptions): PullMessages {
  const { targets, outbox, metadata, mostWaiting, part, now, random, lost } = options;
  const wanting = targets.filter(({ events }) => events.has('pull'));
  let pending: NewDelivery[] = [];
  let overflow = 0;
  let writing = Promise.resolve();

  async function write(): Promise<void> {
    const [deliveries, left] = [pending, overflow];
    [pending, overflow] = [[], 0];
    if (left > 0) lost(left);
    try {
      const full = deliveries.length > 0 ? await findFull() : [];
      const kept = deliveries.filter(({ target }) => !full.includes(target));
      if (kept.length < deliveries.length) lost(deliveries.length - kept.length);
      await outbox.add(kept);
    } catch (error) {
      lost(deliveries.length, error);
    }
  }

  /** Returns the targets with a long backlog: pulls must not push changes out of it. */
  async function findFull(): Promise<readonly string[]> {
    const found = await metadata.webhookTargets.list();
    return found.filter(({ waiting }) => waiting >= mostWaiting / 2).map(({ name }) => name);
  }

  return {
    add(pull, author) {
      const chosen = wanting.filter(({ repositories }) => isChosen(repositories, pull.repository));
      if (chosen.length === 0 || (part < 1 && random() >= part)) return;
      if (pending.length >= mostPending) {
        overflow++;
        return;
      }
      const message = toMessage(pull, author(), now());
      const id = randomUUID();
      for (const { name } of chosen) pending.push(toDelivery(name, { id, message }));
    },
    flush() {
      writing = writing.then(write);
      return writing;
    },
  };
}

function toMessage({ repository, digest, tag, mediaType, sizeBytes }: ClientPull, author: Author, at: number): Message {
  const { actor, address, requestId = null } = author;
  return {
    type: 'image.pull',
    at,
    repository,
    subject: '',
    actor,
    address,
    requestId,
    digest,
    mediaType,
    sizeBytes,
    tags: tag === undefined ? [] : [{ name: tag, before: null }],
    detail: {},
  };
}
