import type { ExpiryCounts } from '../../../storage/metadata/queries/retention/expiry.ts';
import type { RetainedRepository } from '../../../storage/metadata/queries/retention/content.ts';
import { type PlanItem, type PlanRecord, planStart } from '../../../storage/metadata/queries/retention/plans.ts';
import type { DueRepository } from '../../../storage/metadata/queries/retention/schedule.ts';
import type { AuditEvent } from '../../../storage/metadata/queries/steps/events.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { type Brake, reasonToWait } from './brake.ts';
import { type Decision, decide } from './decide.ts';
import { type Execution, execute } from './execute.ts';
import type { ImageTimes } from './image-times.ts';
import { loadState } from './load-state.ts';
import { createNotices } from './notices.ts';
import { type Plan, createPlanBuilder } from './plan.ts';
import type { RetentionRules } from './rules.ts';
import { type Schedule, isRunDue } from './schedule.ts';

/** Expires tags by rules. */
export interface Retention {
  /** Does what is due: evaluates repositories, executes an approved plan. For one process of all that share the stores. */
  run(): Promise<void>;
  /** Decides about a repository as `run` would, and writes nothing. Also returns when the notices of the rules end. */
  inspect(repository: RetainedRepository): Promise<Inspection>;
}

export interface Inspection {
  readonly decisions: readonly Decision[];
  /** By the name of the rule, milliseconds since 1970. */
  readonly noticeEnds: ReadonlyMap<string, number>;
}

export interface RetentionEvents {
  /** A manifest was expired, or found changed. */
  expired(counts: ExpiryCounts): void;
  /** A plan waits for an approval. */
  planWaits(plan: Pick<PlanRecord, 'id' | 'reason'> & { readonly items: number }): void;
  /** Found at each run. */
  setWaiting(isWaiting: boolean): void;
  /** Notices began anew. */
  noticesRestarted(reason: string): void;
}

export interface RetentionOptions {
  readonly metadata: MetadataStore;
  readonly imageTimes: ImageTimes;
  readonly rules: RetentionRules;
  /** Accounts whose pulls do not count. */
  readonly ignoredAccounts: readonly string[];
  readonly schedule: Schedule;
  readonly noticeMilliseconds: number;
  readonly brake: Brake;
  /** Time for which deleted manifests can be restored, in milliseconds; 0: not at all. */
  readonly windowMilliseconds: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** The clock of the metadata store, milliseconds since 1970. */
  readonly storeNow: () => Promise<number>;
  readonly events: RetentionEvents;
}

/** Rows that one write reads: it holds the write lock only for some milliseconds. */
const changesAtOnce = 1000;
const pageSize = 100;
const planPageSize = 1000;
const logPruneSize = 1000;
const logKeepMilliseconds = 400 * 86_400_000;

export function createRetention(options: RetentionOptions): Retention {
  const { metadata, imageTimes, rules, schedule, brake, windowMilliseconds, now, events } = options;
  const { retentionSchedule, retentionPlans } = metadata;
  const notices = createNotices({ ...options, onRestart: events.noticesRestarted });

  async function decideAbout(repository: RetainedRepository): Promise<readonly Decision[]> {
    const time = now();
    return decide(rules, await loadState({ metadata, imageTimes, rules }, repository, time), time);
  }

  /** Resolves to what it did. */
  async function executePlan(planId: string, isApproved: boolean, items: readonly PlanItem[]): Promise<ExpiryCounts> {
    const total = { untagged: 0, trashed: 0, changed: 0 };
    const execution: Execution = {
      metadata,
      planId,
      isApproved,
      windowMilliseconds,
      now,
      decide: decideAbout,
      onExpired(counts) {
        addTo(total, counts);
        events.expired(counts);
      },
    };
    await execute(execution, items);
    return total;
  }

  async function executeApproved(planId: string): Promise<void> {
    const total = { untagged: 0, trashed: 0, changed: 0 };
    for (;;) {
      const items = await retentionPlans.listItems(planId, planStart, planPageSize);
      if (items.length === 0)
        return retentionPlans.remove(planId, [toRunEvent(now(), { plan: planId, state: 'executed', ...total })]);
      addTo(total, await executePlan(planId, true, items));
    }
  }

  /** Marks repositories as due whose tags or rules have changed. */
  async function findDue(): Promise<void> {
    while (await sweepOnce(now()));
    while (await retentionSchedule.hasChanges()) await retentionSchedule.takeChanges(now(), changesAtOnce);
  }

  async function sweepOnce(time: number): Promise<boolean> {
    const state = await retentionSchedule.find();
    return state?.isSweeping === true && (await retentionSchedule.sweep(time, changesAtOnce));
  }

  /** Decides about everything that is due. A repository without anything to execute is due again when time may change that. */
  async function makePlan(time: number): Promise<Plan> {
    const ends = await notices.ends();
    const builder = createPlanBuilder(rules);
    let last: Pick<DueRepository, 'dueAt' | 'repositoryId'> = { dueAt: Number.MIN_SAFE_INTEGER, repositoryId: 0 };
    while (!builder.isFull) {
      const page = await retentionSchedule.listDue(time, last, pageSize);
      for (const repository of page) {
        const decisions = await decideAbout(repository);
        const isNoticed = ({ rule = '' }: Decision) => (ends.get(rule) ?? Infinity) <= time;
        const expiring = decisions.filter(({ expires }) => expires);
        if (expiring.some(isNoticed)) builder.add(repository.repositoryId, expiring.filter(isNoticed));
        else await retentionSchedule.settle(repository.repositoryId, nextTime(decisions, ends));
      }
      const end = page.at(-1);
      if (page.length < pageSize || !end) break;
      last = end;
    }
    return builder.finish();
  }

  /** Resolves to what the run did; undefined: nothing. */
  async function evaluate(time: number): Promise<RunResult | undefined> {
    const plan = await makePlan(time);
    if (plan.items.length === 0) return undefined;
    const reason = await reasonToWait(metadata, brake, plan, time);
    if (reason === undefined) return { plan: plan.id, state: 'executed', ...(await executePlan(plan.id, false, plan.items)) };
    await retentionPlans.put({ id: plan.id, madeAt: time, rulesHash: notices.rulesHash, reason }, plan.items);
    events.planWaits({ id: plan.id, reason, items: plan.items.length });
    return { plan: plan.id, state: 'waiting', items: plan.items.length, reason };
  }

  async function runIfDue(): Promise<void> {
    const time = now();
    const state = await retentionSchedule.find();
    if (!state || !isRunDue(schedule, state.ranAt, time)) return;
    const result = await evaluate(time);
    await retentionSchedule.recordRun(time, result ? [toRunEvent(now(), result)] : []);
    while ((await metadata.retentionLog.prune(time - logKeepMilliseconds, logPruneSize)) === logPruneSize);
  }

  return {
    async run() {
      if (rules.rules.length === 0) {
        if (await retentionSchedule.find()) await retentionSchedule.clear();
        return;
      }
      if (!(await notices.refresh())) return;
      await findDue();
      const waiting = await retentionPlans.find();
      events.setWaiting(waiting?.approvedBy === null);
      if (!waiting) return runIfDue();
      if (waiting.approvedBy !== null) await executeApproved(waiting.id);
    },

    async inspect(repository) {
      return { decisions: await decideAbout(repository), noticeEnds: await notices.ends() };
    },
  };
}

/** What a run did: how many manifests lost tags, went to the trash, or were found changed; or why its plan waits. */
type RunResult =
  | ({ readonly plan: string; readonly state: 'executed' } & ExpiryCounts)
  | { readonly plan: string; readonly state: 'waiting'; readonly items: number; readonly reason: string };

function addTo(total: Record<keyof ExpiryCounts, number>, counts: ExpiryCounts): void {
  for (const name of ['untagged', 'trashed', 'changed'] as const) total[name] += counts[name];
}

function toRunEvent(at: number, result: RunResult): AuditEvent {
  const about = { actor: 'retention', address: '', action: 'retention.run', target: 'retention', result: 'done' } as const;
  return { at, ...about, detail: JSON.stringify(result) };
}

/** Returns when something of the repository may expire; null: not before a tag moves. */
function nextTime(decisions: readonly Decision[], ends: ReadonlyMap<string, number>): number | null {
  const times = decisions.map(({ expires, rule = '', changesAt }) => (expires ? ends.get(rule) : changesAt));
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? null : known.reduce((one, other) => Math.min(one, other));
}
