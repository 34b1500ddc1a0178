import { type ExplainedAction, type Explanation, type Rule, createExplainer } from '../../access/accounts/explain.ts';
import { readReservedNamespaces } from '../../assembly/reserved-namespaces.ts';
import { printRecords } from '../program/output.ts';
import { readRepository } from '../program/read-names.ts';
import { adminCommand } from './admin-command.ts';

/** `berth explain` */
export const explainAccess = adminCommand(async (invocation) => {
  const [account = '', name = ''] = invocation.operands;
  const repository = readRepository(name);
  const config = invocation.config();
  const { mirroredRepositories } = invocation.metadata;
  const explainer = createExplainer({
    metadata: invocation.metadata,
    now: Date.now,
    anonymousPullsPublic: config.access.anonymousPull === 'public',
    reservedNames: readReservedNamespaces(config),
    workloadRules: [], // they belong to no account
    isShownByUpstream: async (mirrored) => {
      const checkedSince = Date.now() - config.mirror.publicCheck * 1000;
      return (await mirroredRepositories.listHidden([mirrored], checkedSince)).length === 0;
    },
  });
  const explanation = await explainer.explain(account, repository);
  const records = explanation.actions.map((action) => ({
    action: action.action,
    allowed: action.isAllowed ? 'yes' : 'no',
    because: reasonOf(action, explanation),
  }));
  printRecords(invocation, { ACTION: 'action', ALLOWED: 'allowed', BECAUSE: 'because' }, records);
});

function reasonOf({ action, rules }: ExplainedAction, { subject, obstacle, visibility }: Explanation): string {
  if (obstacle !== undefined) return `${subject} is ${obstacle === 'expired' ? 'expired' : 'disabled'}`;
  if (rules.length > 0) return rules.map(describeRule).join('; ');
  return action === 'pull' && visibility.isHiddenByUpstream
    ? `no grant; ${visibility.pattern} is public, but not at its upstream`
    : 'no grant';
}

function describeRule(rule: Rule): string {
  switch (rule.kind) {
    case 'admin':
      return 'the user is an admin';
    case 'namespace':
      return `${rule.owner} owns ${rule.pattern}`;
    case 'grant':
      return `grant ${rule.id}: ${rule.subject} ${rule.pattern} ${rule.actions.join(',')}`;
    case 'visibility':
      return `${rule.pattern} is public`;
  }
}
