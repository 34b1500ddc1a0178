import { createHash } from 'node:crypto';
import type { PlanItem } from '../../../storage/metadata/queries/retention/plans.ts';
import type { Decision } from './decide.ts';
import type { RetentionRules } from './rules.ts';

/** Decisions that are executed together. */
export interface Plan {
  /** Equal items have an equal id. */
  readonly id: string;
  readonly items: readonly PlanItem[];
}

/** More are left to the next run: a plan is in memory. */
export const maxPlanItems = 10_000;

/** Collects the decisions of a run that are to be executed. */
export interface PlanBuilder {
  readonly isFull: boolean;
  /** Adds the expired tags of a repository, those that were pushed first before the others, as far as the limits allow. */
  add(repositoryId: number, decisions: readonly Decision[]): void;
  finish(): Plan;
}

export function createPlanBuilder({ rules }: RetentionRules): PlanBuilder {
  const left = new Map(rules.map(({ name, maxPerRun = Infinity }) => [name, maxPerRun]));
  const items: PlanItem[] = [];

  return {
    get isFull() {
      return items.length >= maxPlanItems;
    },

    add(repositoryId, decisions) {
      for (const decision of decisions.toSorted((one, other) => one.pushedAt - other.pushedAt)) {
        const { rule } = decision;
        const rest = rule === undefined ? 0 : (left.get(rule) ?? 0);
        if (rule === undefined || rest === 0 || items.length >= maxPlanItems) continue;
        left.set(rule, rest - 1);
        items.push(toItem(repositoryId, rule, decision));
      }
    },

    finish: () => ({ id: idOf(items), items }),
  };
}

function toItem(repositoryId: number, rule: string, { repository, digest, tag = '', pushedAt, reason }: Decision): PlanItem {
  return { repositoryId, repository, digest, tag, pushedAt, rule, reason };
}

function idOf(items: readonly PlanItem[]): string {
  const hash = createHash('sha256');
  for (const { repository, digest, tag, pushedAt } of items) hash.update(`${repository} ${digest} ${tag} ${pushedAt}\n`);
  return hash.digest('hex').slice(0, 12);
}
