import type { RetentionLine } from '../../../storage/metadata/queries/retention/log.ts';
import { type PlanItem, type PlanRecord, planStart } from '../../../storage/metadata/queries/retention/plans.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { RepositoryName } from '../../oci/reference.ts';
import { type Pattern, matches, rangeOf } from '../../oci/patterns/repository-pattern.ts';
import type { Decision } from './decide.ts';
import type { Retention } from './retention.ts';

/** Shows retention to users and takes their approvals, on the command line and over the API. */
export interface RetentionOverview {
  /**
   * Decides about the repositories that the pattern matches, as the next run would, and writes nothing. Begins after the
   * repository `after`; a page has at most `limit` repositories. `next` is the `after` of the next page; undefined: the last one.
   */
  preview(pattern: Pattern | undefined, after: string, limit: number): Promise<PreviewPage>;
  /** Finds the plan that waits for an approval or for its execution; undefined if there is none. */
  findPlan(): Promise<WaitingPlan | undefined>;
  /** Approves the plan in the name of `by`. False if no such plan waits: it may have been replaced since. */
  approve(planId: string, by: string): Promise<boolean>;
  /** Lists what retention did, before the id `before` (exclusive), newest first. */
  listLog(repository: RepositoryName | undefined, before: number, limit: number): Promise<readonly RetentionLine[]>;
}

export interface PreviewPage {
  readonly decisions: readonly PreviewedDecision[];
  readonly next: string | undefined;
}

export interface PreviewedDecision extends Decision {
  /** End of the rule's notice, milliseconds since 1970: nothing is executed before. Undefined: it has ended. */
  readonly noticeUntil: number | undefined;
}

export interface WaitingPlan extends PlanRecord {
  readonly items: readonly PlanItem[];
}

/** A plan has at most 10,000 items. */
const planPageSize = 20_000;

export function createRetentionOverview(
  metadata: Pick<MetadataStore, 'retentionContent' | 'retentionPlans' | 'retentionLog'>,
  retention: Pick<Retention, 'inspect'>,
  now: () => number,
): RetentionOverview {
  const { retentionContent, retentionPlans, retentionLog } = metadata;

  return {
    async preview(pattern, after, limit) {
      const range = pattern ? rangeOf(pattern) : { after: '', before: '~' };
      const start = after > range.after ? after : range.after;
      const page = await retentionContent.listRepositories(start, range.before, limit);
      const decisions: PreviewedDecision[] = [];
      for (const repository of page.filter((one) => !pattern || matches(pattern, one.repository))) {
        const { decisions: found, noticeEnds } = await retention.inspect(repository);
        const time = now();
        for (const decision of found) {
          const end = decision.expires ? noticeEnds.get(decision.rule ?? '') : undefined;
          decisions.push({ ...decision, noticeUntil: end !== undefined && end > time ? end : undefined });
        }
      }
      return { decisions, next: page.length === limit ? page.at(-1)?.repository : undefined };
    },

    async findPlan() {
      const plan = await retentionPlans.find();
      if (!plan) return undefined;
      return { ...plan, items: await retentionPlans.listItems(plan.id, planStart, planPageSize) };
    },

    approve: (planId, by) => retentionPlans.approve(planId, by, now()),
    listLog: retentionLog.list,
  };
}
