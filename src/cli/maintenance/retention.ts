import { openBlobStore } from '../../assembly/blob-store.ts';
import { openMetadata } from '../../assembly/metadata-store.ts';
import { noRetentionEvents, openRetention } from '../../assembly/maintenance/retention.ts';
import {
  type PreviewedDecision,
  type RetentionOverview,
  type WaitingPlan,
  createRetentionOverview,
} from '../../maintenance/retention/overview.ts';
import { type Pattern, parsePattern } from '../../oci/patterns/repository-pattern.ts';
import { type RepositoryName, parseRepositoryName } from '../../oci/reference.ts';
import { CommandError, type Invocation, type Run, UsageError } from '../program/command.ts';
import { asksForJson, printRecords, printValue, time } from '../program/output.ts';

const repositoriesAtOnce = 100;
const defaultLogLimit = '50';

/** Makes a command that uses the stores beside a running server. */
function retentionCommand(run: (invocation: Invocation, overview: RetentionOverview) => Promise<void>): Run {
  return async (invocation) => {
    const config = invocation.config();
    const driver = await openBlobStore(config.storage.blobs);
    const metadata = await openMetadata(config);
    try {
      const retention = openRetention(config, { driver, metadata, now: Date.now, events: noRetentionEvents });
      await run(invocation, createRetentionOverview(metadata, retention, Date.now));
    } finally {
      await metadata.close();
      await driver.close();
    }
  };
}

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

const planColumns = {
  PLAN: 'plan',
  REPOSITORY: 'repository',
  TAG: 'tag',
  DIGEST: 'digest',
  RULE: 'rule',
  REASON: 'reason',
} as const;

function printPlan(invocation: Invocation, plan: WaitingPlan | undefined): void {
  const records = (plan?.items ?? []).map(({ repository, tag, digest, rule, reason }) => {
    return { plan: plan?.id ?? null, repository, tag: tag || null, digest, rule, reason };
  });
  printRecords(invocation, planColumns, records);
  if (plan) invocation.warn(plan.approvedBy === null ? `it waits: ${plan.reason}` : `approved by ${plan.approvedBy}`);
  else invocation.warn('no plan waits');
}

function readPattern(text: string | undefined): Pattern | undefined {
  if (text === undefined) return undefined;
  const pattern = parsePattern(text);
  if (!pattern) throw new UsageError(`${text} is not a pattern of repositories: write NAME, PREFIX/* or PREFIX/**`);
  return pattern;
}

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

function readRepository(text: string | undefined): RepositoryName | undefined {
  if (text === undefined) return undefined;
  const name = parseRepositoryName(text);
  if (!name) throw new UsageError(`${text} is not the name of a repository`);
  return name;
}

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
