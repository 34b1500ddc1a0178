import type { ExpiryCounts } from '../../../storage/metadata/queries/retention/expiry.ts';
import type { RetainedRepository } from '../../../storage/metadata/queries/retention/content.ts';
import type { PlanItem } from '../../../storage/metadata/queries/retention/plans.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { Decision } from './decide.ts';

export interface Execution {
  readonly metadata: Pick<MetadataStore, 'retentionExpiry'>;
  readonly planId: string;
  readonly isApproved: boolean;
  /** Time for which deleted manifests can be restored, in milliseconds. */
  readonly windowMilliseconds: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Decides about the repository as it is now. */
  decide(repository: RetainedRepository): Promise<readonly Decision[]>;
  /** Called after each manifest. */
  onExpired(counts: ExpiryCounts): void;
}

/**
 * Executes items of a plan, exactly, except for what has changed: the log names that, with the reason. Everything is decided
 * again first. A failure leaves the rest of the plan to the next run.
 */
export async function execute(execution: Execution, items: readonly PlanItem[]): Promise<void> {
  for (const members of Map.groupBy(items, ({ repositoryId }) => repositoryId).values()) {
    const [repository] = members;
    const decided = repository ? await execution.decide(repository) : [];
    const decisions = new Map(decided.map((decision) => [keyOf(decision), decision]));
    const reasons = new Map(members.map((item) => [item, reasonAgainst(item, decisions.get(keyOf(item)))]));
    await expireAll(
      execution,
      members.filter((item) => reasons.get(item) === undefined),
    );
    await recordChanged(
      execution,
      members.flatMap((item) => {
        const reason = reasons.get(item);
        return reason === undefined ? [] : { ...item, reason };
      }),
    );
  }
}

async function expireAll(execution: Execution, items: readonly PlanItem[]): Promise<void> {
  const { metadata, planId, isApproved, windowMilliseconds, now, onExpired } = execution;
  for (const [, [first, ...others]] of Map.groupBy(items, ({ digest }) => digest)) {
    if (!first) continue;
    const expiry = { planId, isApproved, items: [first, ...others], now: now(), windowMilliseconds } as const;
    onExpired(await metadata.retentionExpiry.expire(expiry));
  }
}

async function recordChanged({ metadata, now, onExpired, ...plan }: Execution, items: readonly PlanItem[]): Promise<void> {
  if (items.length === 0) return;
  const { planId, isApproved } = plan;
  await metadata.retentionExpiry.recordChanged({ planId, isApproved, now: now() }, items);
  onExpired({ untagged: 0, trashed: 0, changed: items.length });
}

/** Returns why the item is not executed; undefined if it still expires. */
function reasonAgainst({ pushedAt }: PlanItem, decision: Decision | undefined): string | undefined {
  if (!decision) return 'it was moved or deleted after the plan was made';
  if (!decision.expires) return `it stays now: ${decision.reason}`;
  return decision.pushedAt === pushedAt ? undefined : 'it was pushed again after the plan was made';
}

function keyOf({ tag, digest }: Pick<Decision, 'tag' | 'digest'>): string {
  return `${digest} ${tag ?? ''}`;
}
