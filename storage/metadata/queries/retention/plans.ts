import type { Digest } from '../../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../../src/oci/reference.ts';
import { type Query, all, concurrentWrite, first, insertRows, read, run, write } from '../steps/query.ts';
import { type AuditEvent, recordAll } from '../steps/events.ts';

/** Plans that wait for an approval. Times are milliseconds since 1970. */

/** A tag that a rule expires; or a manifest without a tag, where `tag` is ''. */
export interface PlanItem {
  readonly repositoryId: number;
  readonly repository: RepositoryName;
  readonly digest: Digest;
  readonly tag: string;
  readonly pushedAt: number;
  readonly rule: string;
  readonly reason: string;
}

export interface PlanRecord {
  readonly id: string;
  readonly madeAt: number;
  /** The rules that made it. */
  readonly rulesHash: string;
  /** Why it waits. */
  readonly reason: string;
  /** Null: it still waits. */
  readonly approvedBy: string | null;
  readonly approvedAt: number | null;
}

const planColumns = `id AS "id", made_at AS "madeAt", rules_hash AS "rulesHash", reason AS "reason",
  approved_by AS "approvedBy", approved_at AS "approvedAt"`;

/** Stores the plan in place of others. */
export const put = write(function* (
  plan: Omit<PlanRecord, 'approvedBy' | 'approvedAt'>,
  items: readonly PlanItem[],
): Query<void> {
  yield* run('DELETE FROM retention_plans');
  yield* run(
    'INSERT INTO retention_plans (id, made_at, rules_hash, reason) VALUES (?, ?, ?, ?)',
    plan.id,
    plan.madeAt,
    plan.rulesHash,
    plan.reason,
  );
  yield* insertRows(
    'INSERT INTO retention_plan_items (plan_id, repository_id, digest, tag, pushed_at, rule, reason)',
    items.map((item) => [plan.id, item.repositoryId, item.digest, item.tag, item.pushedAt, item.rule, item.reason]),
    '',
  );
});

/** Returns the plan that waits for an approval or for its execution. There is one at most. */
export const find = read(function* (): Query<PlanRecord | undefined> {
  return yield* first<PlanRecord>(`SELECT ${planColumns} FROM retention_plans`);
});

/** Where a page of items begins: after this one. */
export interface PlanPosition {
  readonly repositoryId: number;
  readonly digest: Digest;
  readonly tag: string;
}

/** The position before all items. */
export const planStart: PlanPosition = { repositoryId: 0, digest: '' as Digest, tag: '' };

/** Items after the last one of the page before, by repository, digest and tag. */
export const listItems = read(function* (planId: string, after: PlanPosition, limit: number): Query<readonly PlanItem[]> {
  return yield* all<PlanItem>(
    `SELECT i.repository_id AS "repositoryId", r.name AS "repository", i.digest AS "digest", i.tag AS "tag",
            i.pushed_at AS "pushedAt", i.rule AS "rule", i.reason AS "reason"
       FROM retention_plan_items i JOIN repositories r ON r.id = i.repository_id
      WHERE i.plan_id = ? AND (i.repository_id, i.digest, i.tag) > (?, ?, ?)
      ORDER BY i.repository_id, i.digest, i.tag LIMIT ?`,
    planId,
    after.repositoryId,
    after.digest,
    after.tag,
    limit,
  );
});

/** Approves the plan, and says whether it waits. A second approval changes nothing. */
export const approve = concurrentWrite(function* (planId: string, by: string, now: number): Query<boolean> {
  const row = yield* first(
    `UPDATE retention_plans SET approved_by = coalesce(approved_by, ?), approved_at = coalesce(approved_at, ?)
      WHERE id = ? RETURNING id`,
    by,
    now,
    planId,
  );
  return row !== undefined;
});

/** Deletes a plan that is executed, and records what its execution did. */
export const remove = write(function* (planId: string, events: readonly AuditEvent[] = []): Query<void> {
  yield* run('DELETE FROM retention_plans WHERE id = ?', planId);
  yield* recordAll(events);
});
