import { UsageError } from '../../program/command.ts';
import { printRecords, printValue, time } from '../../program/output.ts';
import { known, webhookCommand } from './webhook-command.ts';

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
