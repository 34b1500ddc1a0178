import { CommandError } from '../../program/command.ts';
import { asksForJson, printRecords, printValue, time } from '../../program/output.ts';
import { known, webhookCommand } from './webhook-command.ts';

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
