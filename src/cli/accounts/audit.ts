import { adminCommand } from './admin-command.ts';
import { UsageError } from '../program/command.ts';
import { printRecords, time } from '../program/output.ts';

const defaultLimit = '50';

const columns = {
  TIME: 'time',
  ACTOR: 'actor',
  ADDRESS: 'address',
  ACTION: 'action',
  TARGET: 'target',
  RESULT: 'result',
  DETAIL: 'detail',
} as const;

/** `berth audit` */
export const printAuditLog = adminCommand(async (invocation) => {
  const { actor, target, limit = defaultLimit } = invocation.options;
  if (!/^[1-9]\d{0,5}$/.test(String(limit))) throw new UsageError('--limit must be a number from 1 to 999999');
  const filter = { actor: textOf(actor), target: textOf(target) };
  const events = await invocation.metadata.audit.list(filter, Number.MAX_SAFE_INTEGER, Number(limit));
  const records = events.map((event) => ({
    time: time(event.at),
    actor: event.actor || null,
    address: event.address || null,
    action: event.action,
    target: event.target || null,
    result: event.result,
    detail: event.detail ?? '',
  }));
  printRecords(invocation, columns, records);
});

function textOf(option: unknown): string | undefined {
  return typeof option === 'string' ? option : undefined;
}
