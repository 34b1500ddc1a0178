import { UsageError } from '../../program/command.ts';
import { printRecords, time } from '../../program/output.ts';
import { readRepository } from '../../program/read-names.ts';
import { retentionCommand } from './retention-command.ts';

const defaultLogLimit = '50';

const logColumns = {
  TIME: 'time',
  PLAN: 'plan',
  REPOSITORY: 'repository',
  TAG: 'tag',
  DIGEST: 'digest',
  OUTCOME: 'outcome',
  RULE: 'rule',
  REASON: 'reason',
} as const;

/** `berth retention log` */
export const printRetentionLog = retentionCommand(async (invocation, overview) => {
  const { limit = defaultLogLimit } = invocation.options;
  if (!/^[1-9]\d{0,5}$/.test(String(limit))) throw new UsageError('--limit must be a number from 1 to 999999');
  const lines = await overview.listLog(readRepository(invocation.operands[0]), Number.MAX_SAFE_INTEGER, Number(limit));
  const records = lines.map(({ at, planId, repository, tag, digest, outcome, rule, reason }) => {
    return { time: time(at), plan: planId, repository, tag: tag || null, digest, outcome, rule, reason };
  });
  printRecords(invocation, logColumns, records);
});
