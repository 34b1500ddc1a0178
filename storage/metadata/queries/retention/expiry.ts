import { put as deleteManifest } from '../trash/deletions.ts';
import { recordContentChange } from '../steps/events.ts';
import { type Query, all, insertRows, run, write } from '../steps/query.ts';
import { reviewUntagged } from '../steps/reviews.ts';
import { recordTagChanges } from '../steps/tag-history.ts';
import type { RetentionOutcome } from './log.ts';
import type { PlanItem } from './plans.ts';

/** Expiry of tags, and of images with their last tags. Times are milliseconds since 1970. */

export interface Expiry {
  readonly planId: string;
  readonly isApproved: boolean;
  /** Of one manifest of one repository. */
  readonly items: readonly [PlanItem, ...PlanItem[]];
  readonly now: number;
  /** How long a deleted manifest can be restored, in milliseconds; 0: not at all. */
  readonly windowMilliseconds: number;
}

const changedReason = 'it was pushed again, moved, deleted or held after the plan was made';

/** How many items had each outcome. */
export type ExpiryCounts = Readonly<Record<RetentionOutcome, number>>;

/** The actor of expiry in the trash, in the history of tags and in events. */
const actor = 'retention';

/**
 * Deletes the tags that still are as planned. If the manifest has no other tag, it goes into the trash with them, unless an index
 * needs it or a person holds it. Writes the log, and takes the items out of a stored plan, in the same transaction.
 */
export const expire = write(function* (expiry: Expiry): Query<ExpiryCounts> {
  const { items } = expiry;
  const [{ repositoryId, digest }] = items;
  const live = yield* all<{ tag: string; pushedAt: number }>(
    'SELECT name AS "tag", updated_at AS "pushedAt" FROM tags WHERE repository_id = ? AND digest = ?',
    repositoryId,
    digest,
  );
  const pushedAt = new Map(live.map((row) => [row.tag, row.pushedAt]));
  // A manifest that has got a tag since is not without one any more.
  const isAsPlanned = (item: PlanItem) => (item.tag === '' ? live.length === 0 : pushedAt.get(item.tag) === item.pushedAt);
  const planned = items.filter(isAsPlanned);
  const outcome = yield* expirePlanned(expiry, planned, live.length);
  const outcomes = items.map((item): RetentionOutcome => (planned.includes(item) ? outcome : 'changed'));
  const logged = items.map((item, index) => (outcomes[index] === 'changed' ? { ...item, reason: changedReason } : item));
  yield* record(expiry, logged, outcomes);
  return countOutcomes(outcomes);
});

function* expirePlanned(expiry: Expiry, planned: readonly PlanItem[], liveTags: number): Query<RetentionOutcome> {
  const [item] = planned;
  if (!item) return 'changed';
  const tags = planned.filter(({ tag }) => tag !== '').map(({ tag }) => tag);
  if (tags.length === liveTags) {
    const result = yield* deleteManifest({
      repository: item.repository,
      digest: item.digest,
      windowMilliseconds: expiry.windowMilliseconds,
      reason: reasonOf(item),
      cause: 'retention',
      deletableTags: tags,
      author: { actor, address: '', at: expiry.now },
    });
    if (result.outcome === 'deleted') return 'trashed';
    if (result.outcome !== 'needed' || tags.length === 0) return 'changed';
  }
  yield* deleteTags(expiry, planned);
  return 'untagged';
}

function* deleteTags({ now }: Expiry, planned: readonly PlanItem[]): Query<void> {
  const author = { actor, address: '', at: now };
  for (const item of planned) {
    const { repositoryId, repository, tag, digest } = item;
    yield* run('DELETE FROM tags WHERE repository_id = ? AND name = ?', repositoryId, tag);
    yield* reviewUntagged(repositoryId, digest, now);
    yield* recordTagChanges(repositoryId, [{ name: tag, from: digest, to: null }], author, reasonOf(item));
    yield* recordContentChange(author, { kind: 'tag.delete', repository, tag, digest });
  }
}

function reasonOf({ rule, reason }: PlanItem): string {
  return `rule ${rule}: ${reason}`;
}

function* record(
  { planId, isApproved, now }: Pick<Expiry, 'planId' | 'isApproved' | 'now'>,
  items: readonly PlanItem[],
  outcomes: readonly RetentionOutcome[],
): Query<void> {
  yield* insertRows(
    'INSERT INTO retention_log (at, plan_id, repository, digest, tag, rule, reason, outcome, is_approved)',
    items.map((item, index) => [
      now,
      planId,
      item.repository,
      item.digest,
      item.tag,
      item.rule,
      item.reason,
      outcomes[index] ?? 'changed',
      isApproved ? 1 : 0,
    ]),
    '',
  );
  for (const { repositoryId, digest, tag } of items) {
    yield* run(
      'DELETE FROM retention_plan_items WHERE plan_id = ? AND repository_id = ? AND digest = ? AND tag = ?',
      planId,
      repositoryId,
      digest,
      tag,
    );
  }
}

function countOutcomes(outcomes: readonly RetentionOutcome[]): ExpiryCounts {
  const count = (wanted: RetentionOutcome) => outcomes.filter((outcome) => outcome === wanted).length;
  return { untagged: count('untagged'), trashed: count('trashed'), changed: count('changed') };
}

/** Writes items that are not executed into the log, each with the reason why, and takes them out of a stored plan. */
export const recordChanged = write(function* (
  plan: Pick<Expiry, 'planId' | 'isApproved' | 'now'>,
  items: readonly PlanItem[],
): Query<void> {
  yield* record(
    plan,
    items,
    items.map(() => 'changed'),
  );
});
