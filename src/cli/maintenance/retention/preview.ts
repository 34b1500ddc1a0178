import type { PreviewedDecision } from '../../../maintenance/retention/overview.ts';
import { asksForJson, printRecords, time } from '../../program/output.ts';
import { readPattern } from '../../program/read-names.ts';
import { printPlan } from './plan.ts';
import { retentionCommand } from './retention-command.ts';

const repositoriesAtOnce = 100;

const previewColumns = {
  REPOSITORY: 'repository',
  TAG: 'tag',
  DIGEST: 'digest',
  DECISION: 'decision',
  RULE: 'rule',
  REASON: 'reason',
  'NOT BEFORE': 'notBefore',
} as const;

/** `berth retention preview` */
export const previewRetention = retentionCommand(async (invocation, overview) => {
  if (invocation.options['plan'] === true) {
    printPlan(invocation, await overview.findPlan());
    return;
  }
  const pattern = readPattern(invocation.operands[0]);
  const showsAll = invocation.options['all'] === true;
  const records = [];
  let expiring = 0;
  for (let after: string | undefined = ''; after !== undefined;) {
    const page = await overview.preview(pattern, after, repositoriesAtOnce);
    expiring += page.decisions.filter(({ expires }) => expires).length;
    records.push(...page.decisions.filter(({ expires }) => showsAll || expires).map(toRecord));
    after = page.next;
  }
  printRecords(invocation, previewColumns, records);
  const plan = await overview.findPlan();
  if (plan?.approvedBy === null) invocation.warn(`plan ${plan.id} waits for berth retention approve ${plan.id}: ${plan.reason}`);
  if (invocation.config().retention.rules.length === 0) invocation.warn('retention has no rules: every tag stays');
  if (!asksForJson(invocation)) invocation.warn(`${expiring} would expire; nothing was changed`);
});

function toRecord({ repository, tag, digest, expires, rule, reason, noticeUntil }: PreviewedDecision) {
  return {
    repository,
    tag: tag ?? null,
    digest,
    decision: expires ? 'expires' : 'stays',
    rule: rule ?? null,
    reason,
    notBefore: time(noticeUntil ?? null),
  };
}
