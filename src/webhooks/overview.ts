import { randomUUID } from 'node:crypto';
import type { DeliveryRecord, DeliveryState } from '../../storage/metadata/queries/webhooks/deliveries.ts';
import type { WebhookTargetRecord } from '../../storage/metadata/queries/webhooks/targets.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import type { Author } from '../registry/author.ts';
import { type Outcome, createClient } from './client.ts';
import type { Place } from './format.ts';
import type { Message } from './message.ts';
import type { Category, Format, Target } from './target.ts';

/** Shows targets and deliveries to admins, on the command line and over the API. */
export interface WebhookOverview {
  list(): Promise<readonly WebhookStatus[]>;
  /**
   * Lists messages of a target, newest first. `after` is the `next` of the page before. Undefined: there is no such target.
   */
  deliveries(target: string, query: DeliveryQuery): Promise<DeliveryPage | undefined>;
  /**
   * Lets messages be sent again: those with the ids (numbers of `deliveries`), or without `ids` all that were given up. Resolves
   * to their number; undefined: there is no such target.
   */
  resend(target: string, ids: readonly number[] | undefined, author: Author): Promise<number | undefined>;
  /**
   * Sends a test message now, past the messages that wait. If the receiver accepts it, the pause of a failing target ends, and
   * waiting messages are sent within a second. Undefined: there is no such target.
   */
  test(target: string): Promise<TestResult | undefined>;
}

export interface WebhookStatus {
  readonly name: string;
  /** Scheme and host of the URL: the rest may be a secret. */
  readonly receiver: string;
  readonly format: Format;
  readonly events: readonly Category[];
  readonly signed: boolean;
  readonly state: 'idle' | 'sending' | 'failing';
  readonly waiting: number;
  readonly dead: number;
  /** Milliseconds since 1970; null: none waits. */
  readonly waitingSince: number | null;
  readonly succeededAt: number | null;
  readonly failedAt: number | null;
  /** While it fails: the next try. */
  readonly retryAt: number | null;
  readonly error: string | null;
}

export interface DeliveryQuery {
  readonly state?: DeliveryState | undefined;
  readonly after?: number | undefined;
  readonly limit: number;
}

export interface ListedDelivery {
  readonly id: number;
  readonly messageId: string;
  readonly type: string;
  readonly repository: string;
  readonly tags: readonly string[];
  readonly state: DeliveryState;
  /** Milliseconds since 1970, as all times. */
  readonly at: number;
  readonly queuedAt: number;
  readonly endedAt: number | null;
  readonly attempts: number;
  readonly status: number | null;
  readonly error: string | null;
}

export interface DeliveryPage {
  readonly deliveries: readonly ListedDelivery[];
  readonly next: number | undefined;
}

export interface TestResult {
  readonly messageId: string;
  readonly delivered: boolean;
  readonly status: number | null;
  readonly error: string | null;
}

export interface WebhookOverviewParts {
  readonly targets: readonly Target[];
  readonly metadata: Pick<MetadataStore, 'webhookDeliveries' | 'webhookTargets'>;
  readonly place: Place;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Messages that one transaction lets wait again. */
const resendBatch = 500;

export function createWebhookOverview({ targets, metadata, place, now }: WebhookOverviewParts): WebhookOverview {
  const { webhookDeliveries: deliveries, webhookTargets } = metadata;
  const find = (name: string) => targets.find((target) => target.name === name);

  return {
    async list() {
      const records = new Map((await webhookTargets.list()).map((record) => [record.name, record]));
      return targets.map((target) => toStatus(target, records.get(target.name)));
    },

    async deliveries(target, { state, after = Number.MAX_SAFE_INTEGER, limit }) {
      if (!find(target)) return undefined;
      const found = await deliveries.list({ target, state }, after, limit);
      return { deliveries: found.map(toListed), next: found.length === limit ? found.at(-1)?.id : undefined };
    },

    async resend(target, ids, author) {
      if (!find(target)) return undefined;
      await webhookTargets.add([target], now());
      const event = { ...author, at: now(), action: 'webhook.resend', target, result: 'done' } as const;
      if (ids) return deliveries.resend(event, target, ids, ids.length);
      let total = 0;
      for (let count = resendBatch; count === resendBatch; total += count)
        count = await deliveries.resend(event, target, undefined, resendBatch);
      return total;
    },

    async test(name) {
      const target = find(name);
      if (!target) return undefined;
      const client = createClient(target, { place, now });
      const messageId = randomUUID();
      try {
        const content = JSON.stringify(testMessage(now()));
        const result = toResult(messageId, await client.send({ messageId, content }, new AbortController().signal));
        if (result.delivered) await webhookTargets.resume(name);
        return result;
      } finally {
        client.close();
      }
    },
  };
}

function toStatus(target: Target, record: WebhookTargetRecord | undefined): WebhookStatus {
  const { waiting = 0, dead = 0, failures = 0, waitingSince = null, retryAt = 0, error = null } = record ?? {};
  const { name, url, format, events, isSigned: signed } = target;
  return {
    name,
    receiver: url.origin,
    format,
    events: [...events],
    signed,
    state: failures > 0 ? 'failing' : waiting > 0 ? 'sending' : 'idle',
    waiting,
    dead,
    waitingSince,
    succeededAt: record?.succeededAt ?? null,
    failedAt: record?.failedAt ?? null,
    retryAt: failures > 0 ? retryAt : null,
    error,
  };
}

function toListed(record: DeliveryRecord): ListedDelivery {
  const { id, messageId, type, repository, content, state, queuedAt, endedAt, attempts, status, error } = record;
  const { at, tags } = JSON.parse(content) as Message;
  return {
    id,
    messageId,
    type: `berth.${type}`,
    repository,
    tags: tags.map(({ name }) => name),
    state,
    at,
    queuedAt,
    endedAt,
    attempts,
    status,
    error,
  };
}

function testMessage(at: number): Message {
  const about = { repository: '', subject: 'test', actor: '', address: '', requestId: null } as const;
  return { type: 'webhook.test', at, ...about, tags: [], detail: {} };
}

function toResult(messageId: string, outcome: Outcome): TestResult {
  const error = outcome.kind === 'failed' ? outcome.error : null;
  return { messageId, delivered: error === null, status: outcome.status, error };
}
