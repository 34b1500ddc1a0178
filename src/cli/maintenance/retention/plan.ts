import type { WaitingPlan } from '../../../maintenance/retention/overview.ts';
import { type Invocation, CommandError } from '../../program/command.ts';
import { printRecords, printValue } from '../../program/output.ts';
import { retentionCommand } from './retention-command.ts';

const planColumns = {
  PLAN: 'plan',
  REPOSITORY: 'repository',
  TAG: 'tag',
  DIGEST: 'digest',
  RULE: 'rule',
  REASON: 'reason',
} as const;

/** Prints the plan that waits for an approval. */
export function printPlan(invocation: Invocation, plan: WaitingPlan | undefined): void {
  const records = (plan?.items ?? []).map(({ repository, tag, digest, rule, reason }) => {
    return { plan: plan?.id ?? null, repository, tag: tag || null, digest, rule, reason };
  });
  printRecords(invocation, planColumns, records);
  if (plan) invocation.warn(plan.approvedBy === null ? `it waits: ${plan.reason}` : `approved by ${plan.approvedBy}`);
  else invocation.warn('no plan waits');
}

/** `berth retention approve` */
export const approvePlan = retentionCommand(async (invocation, overview) => {
  const [planId = ''] = invocation.operands;
  const plan = await overview.findPlan();
  if (plan?.id !== planId || !(await overview.approve(planId, 'command line')))
    throw new CommandError(
      plan ? `no plan ${planId} waits: the waiting plan is ${plan.id}` : `no plan ${planId} waits: it was executed or replaced`,
    );
  const text = `plan ${planId} is approved: the server executes it within a minute, ${plan.items.length} tags and manifests`;
  printValue(invocation, text, { plan: planId, items: plan.items.length, approved: true });
});
