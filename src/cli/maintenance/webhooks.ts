import { openMetadata } from '../../assembly/metadata-store.ts';
import { openWebhookOverview } from '../../assembly/webhooks/webhooks.ts';
import type { WebhookOverview } from '../../webhooks/overview.ts';
import { CommandError, type Invocation, type Run, UsageError } from '../program/command.ts';
import { asksForJson, printRecords, printValue, time } from '../program/output.ts';

/** Makes a command that uses the metadata store beside a running server. */
function webhookCommand(run: (invocation: Invocation, overview: WebhookOverview) => Promise<void>): Run {
  return async (invocation) => {
    const config = invocation.config();
    const metadata = await openMetadata(config);
    try {
      await run(invocation, await openWebhookOverview(config, metadata));
    } finally {
      await metadata.close();
    }
  };
}

const targetColumns = {
  TARGET: 'name',
  RECEIVER: 'receiver',
  FORMAT: 'format',
  STATE: 'state',
  WAITING: 'waiting',
  DEAD: 'dead',
  'LAST SUCCESS': 'succeeded',
  'NEXT TRY': 'retry',
  ERROR: 'error',
} as const;

/** `berth webhooks list` */
export const listWebhooks = webhookCommand(async (invocation, overview) => {
  const targets = await overview.list();
  if (!asksForJson(invocation) && targets.length === 0) invocation.warn('webhooks.targets of the configuration is empty');
  const records = targets.map(({ name, receiver, format, state, waiting, dead, succeededAt, retryAt, error }) => ({
    name,
    receiver,
    format,
    state,
    waiting,
    dead,
    error,
    succeeded: time(succeededAt),
    retry: time(retryAt),
  }));
  printRecords(invocation, targetColumns, records);
});

const deliveryColumns = {
  ID: 'id',
  TIME: 'at',
  TYPE: 'type',
  REPOSITORY: 'repository',
  TAGS: 'tags',
  STATE: 'state',
  TRIES: 'attempts',
  STATUS: 'status',
  ERROR: 'error',
  MESSAGE: 'messageId',
} as const;

const states = ['waiting', 'delivered', 'dead'] as const;
const usualLimit = 50;

/** `berth webhooks deliveries` */
export const listDeliveries = webhookCommand(async (invocation, overview) => {
  const [name = ''] = invocation.operands;
  const { state, limit = usualLimit } = invocation.options;
  const wanted = states.find((one) => one === state);
  if (state !== undefined && wanted === undefined) throw new UsageError(`--state is one of ${states.join(', ')}`);
  const number = Number(limit);
  if (!Number.isInteger(number) || number < 1 || number > 10_000) throw new UsageError('--limit is a number from 1 to 10000');
  const page = known(name, await overview.deliveries(name, { state: wanted, limit: number }));
  const records = page.deliveries.map(
    ({ id, messageId, type, repository, tags, state: current, at, attempts, status, error }) => ({
      id,
      type,
      state: current,
      attempts,
      status,
      error,
      messageId,
      repository: repository || null,
      tags: tags.join(',') || null,
      at: time(at),
    }),
  );
  printRecords(invocation, deliveryColumns, records);
});

/** `berth webhooks resend` */
export const resendMessages = webhookCommand(async (invocation, overview) => {
  const [name = '', ...texts] = invocation.operands;
  const ids = texts.map(Number);
  if (ids.some((id) => !Number.isSafeInteger(id) || id < 0))
    throw new UsageError('an id is a number, as berth webhooks deliveries prints it');
  const author = { actor: 'command line', address: '' };
  const messages = known(name, await overview.resend(name, ids.length > 0 ? ids : undefined, author));
  printValue(invocation, `${messages} messages wait for ${name} again`, { messages });
});

/** `berth webhooks test` */
export const sendTestMessage = webhookCommand(async (invocation, overview) => {
  const [name = ''] = invocation.operands;
  const result = known(name, await overview.test(name));
  printValue(
    invocation,
    result.delivered ? `${name} has accepted the message (status ${result.status}): waiting messages are sent now` : '',
    result,
  );
  if (!result.delivered) throw new CommandError(`${name} has not accepted the message: ${result.error}`);
});

function known<Found>(name: string, found: Found | undefined): Found {
  if (found === undefined) throw new CommandError(`webhooks.targets of the configuration has no ${name}`);
  return found;
}
