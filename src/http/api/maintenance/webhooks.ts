import { z } from 'zod';
import { AdministrationError } from '../../../access/accounts/administration-error.ts';
import type { ListedDelivery, WebhookStatus } from '../../../webhooks/overview.ts';
import { toDateTime } from '../table/date-time.ts';
import { type Context, type Route, ok, route } from '../table/route.ts';
import * as s from '../table/schemas.ts';

const target = z
  .object({
    name: z.string(),
    receiver: z.string().meta({ description: 'scheme and host of the URL; the rest may be a secret' }),
    format: z.enum(['cloudevents', 'distribution']),
    events: z.array(z.string()),
    signed: z.boolean(),
    state: z.enum(['idle', 'sending', 'failing']),
    waiting: z.number().meta({ description: 'messages that wait for their delivery' }),
    dead: z.number().meta({ description: 'messages that were given up and can be sent again' }),
    waitingSince: s.dateTime.nullable(),
    succeededAt: s.dateTime.nullable(),
    failedAt: s.dateTime.nullable(),
    retryAt: s.dateTime.nullable().meta({ description: 'the next try, while the receiver fails' }),
    error: z.string().nullable().meta({ description: 'why the last delivery failed' }),
  })
  .meta({ id: 'Webhook' });

const state = z.enum(['waiting', 'delivered', 'dead']);

const delivery = z
  .object({
    id: z.number(),
    messageId: z.string().meta({ description: 'the id that the receiver gets, the same at each try' }),
    type: z.string(),
    repository: z.string().meta({ description: 'empty: it is about no repository' }),
    tags: z.array(z.string()),
    state,
    at: s.dateTime.meta({ description: 'time of the event' }),
    queuedAt: s.dateTime,
    endedAt: s.dateTime.nullable(),
    attempts: z.number(),
    status: z.number().nullable().meta({ description: 'status of the last response' }),
    error: z.string().nullable(),
  })
  .meta({ id: 'WebhookDelivery' });

const deliveryQuery = z.object({ state: state.optional(), after: s.exactNumber.optional(), limit: s.limit });

const mostIds = 500;

const resendBody = z.strictObject({
  ids: s
    .optional(z.array(z.number().int().min(0)).max(mostIds))
    .meta({ description: `ids of at most ${mostIds} deliveries; missing: all that were given up` }),
});

const testResult = z.object({
  messageId: z.string(),
  delivered: z.boolean(),
  status: z.number().nullable(),
  error: z.string().nullable(),
});

interface ByName {
  readonly params: { readonly name: string };
}

async function listTargets(_input: unknown, { webhooks }: Context) {
  return (await (await webhooks()).list()).map(toTarget);
}

async function listDeliveries(
  { params: { name }, query }: ByName & { readonly query: z.output<typeof deliveryQuery> },
  { webhooks }: Context,
) {
  const page = known(name, await (await webhooks()).deliveries(name, query));
  return { items: page.deliveries.map(toItem), next: page.next?.toString() };
}

async function resend(
  { params: { name }, body }: ByName & { readonly body: z.output<typeof resendBody> },
  { webhooks, author }: Context,
) {
  return { messages: known(name, await (await webhooks()).resend(name, body.ids, author)) };
}

async function sendTest({ params: { name } }: ByName, { webhooks }: Context) {
  return known(name, await (await webhooks()).test(name));
}

function known<Found>(name: string, found: Found | undefined): Found {
  if (found === undefined) throw new AdministrationError('unknown', `webhooks.targets has no ${name}`);
  return found;
}

function toTarget({ waitingSince, succeededAt, failedAt, retryAt, ...status }: WebhookStatus) {
  return {
    ...status,
    waitingSince: toDateTime(waitingSince),
    succeededAt: toDateTime(succeededAt),
    failedAt: toDateTime(failedAt),
    retryAt: toDateTime(retryAt),
  };
}

function toItem({ at, queuedAt, endedAt, ...listed }: ListedDelivery) {
  return { ...listed, at: new Date(at).toISOString(), queuedAt: new Date(queuedAt).toISOString(), endedAt: toDateTime(endedAt) };
}

/** Rows of the API: webhooks. */
export const webhookRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/webhooks',
    summary: 'List the targets of webhooks, and how deliveries go',
    needs: 'admin',
    returns: ok(z.array(target)),
    handler: listTargets,
  }),
  route({
    method: 'GET',
    path: '/webhooks/{name}/deliveries',
    summary: 'List messages for a target, newest first',
    needs: 'admin',
    params: s.byName,
    query: deliveryQuery,
    returns: ok(s.pageOf(delivery)),
    handler: listDeliveries,
  }),
  route({
    method: 'POST',
    path: '/webhooks/{name}/resend',
    summary: 'Send messages again: those with the ids, or all that were given up',
    needs: 'admin',
    params: s.byName,
    body: resendBody,
    returns: ok(z.object({ messages: z.number() })),
    handler: resend,
  }),
  route({
    method: 'POST',
    path: '/webhooks/{name}/test',
    summary: 'Send a test message now, past those that wait',
    needs: 'admin',
    params: s.byName,
    body: s.nothing,
    returns: ok(testResult),
    handler: sendTest,
  }),
];
