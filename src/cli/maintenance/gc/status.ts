import type { CollectionStatus } from '../../../maintenance/collect/overview.ts';
import { UsageError } from '../../program/command.ts';
import { alignColumns, asksForJson, printValue, time } from '../../program/output.ts';
import { collectionCommand } from './collection-command.ts';
import { describe } from './describe-status.ts';
import { type Estimate, computeReclaimable, dayMilliseconds } from './reclaimable.ts';

/** `berth gc status` */
export const showStatus = collectionCommand(async (invocation, { overview }) => {
  const status = await overview.status();
  const isQuick = invocation.options['quick'] === true;
  const untaggedMs = readDays(invocation.options['untagged']);
  if (isQuick && untaggedMs !== undefined) throw new UsageError('--quick computes nothing that --untagged asks for');
  const estimate = isQuick ? undefined : await computeReclaimable(invocation, overview, untaggedMs);
  if (asksForJson(invocation)) printValue(invocation, '', toRecord(status, estimate));
  else for (const line of alignColumns(describe(status, estimate))) invocation.print(line);
});

function readDays(text: unknown): number | undefined {
  if (text === undefined) return undefined;
  const days = typeof text === 'string' ? /^([1-9]\d{0,2})d$/.exec(text)?.[1] : undefined;
  if (days === undefined) throw new UsageError('--untagged must be a number of days such as 30d');
  return Number(days) * dayMilliseconds;
}

function toRecord(status: CollectionStatus, estimate: Estimate | undefined) {
  const { pausedAt, graceMs, untaggedMs, purgedAt, auditedAt, ...rest } = status;
  return {
    ...rest,
    pausedAt: time(pausedAt),
    grace: graceMs,
    untagged: untaggedMs,
    lastPurgeAt: time(purgedAt),
    auditedAt: time(auditedAt),
    reclaimable: estimate ?? null,
  };
}
