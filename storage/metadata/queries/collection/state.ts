import { type Query, concurrentWrite, first, read, run, write } from '../steps/query.ts';
import { type DatedAuthor, record } from '../steps/events.ts';
import { restartAudit } from '../steps/reviews.ts';

/** The delays of garbage collection, and whether it is paused. Times are milliseconds since 1970. */

/**
 * Why nothing is collected for now. `restore`: the restored records have not been compared with the blob store. `adoption`:
 * another registry still writes into the store.
 */
export type BlockReason = 'restore' | 'adoption';

export interface CollectionState {
  /** From a change to its review: twice the grace. */
  readonly delayMs: number;
  /** From the last push, untagging or pull of an untagged manifest to its deletion. Null: untagged manifests are kept. */
  readonly untaggedMs: number | null;
  /** Null if the collector is not paused. */
  readonly pausedAt: number | null;
  /** Null if nothing blocks the collector; if several reasons do, one of them. */
  readonly blockedBy: BlockReason | null;
  /** Time when the last audit of all rows ended. Null until the first one, which finds what was left before the upgrade. */
  readonly auditedAt: number | null;
  /** Time when bytes were last deleted; null if never. */
  readonly purgedAt: number | null;
  /** Blobs and manifests whose bytes were deleted so far, and the sum of their sizes. */
  readonly purgedBlobs: number;
  readonly purgedBytes: number;
}

export const find = read(function* (): Query<CollectionState> {
  const state = yield* first<CollectionState>(
    `SELECT delay_ms AS "delayMs", untagged_ms AS "untaggedMs", paused_at AS "pausedAt", audited_at AS "auditedAt",
            purged_at AS "purgedAt", purged_blobs AS "purgedBlobs", purged_bytes AS "purgedBytes",
            (SELECT min(reason) FROM collection_blocks) AS "blockedBy"
       FROM collection WHERE id = 1`,
  );
  if (!state) throw new Error('the row of garbage collection is missing');
  return state;
});

/**
 * Sets the delays for all processes. Rows that a shorter delay concerns keep the longer one. Where untagged manifests were
 * kept and are not any more, the audit begins again: it finds those that are untagged already.
 */
export const configure = concurrentWrite(function* (delayMs: number, untaggedMs: number | null): Query<void> {
  const kept = yield* first('SELECT 1 FROM collection WHERE id = 1 AND untagged_ms IS NULL');
  yield* run('UPDATE collection SET delay_ms = ?, untagged_ms = ? WHERE id = 1', delayMs, untaggedMs);
  if (kept && untaggedMs !== null) yield* restartAudit();
});

/** Pauses the collector in all processes until `resume`. The time of the first pause is kept. */
export const pause = concurrentWrite(function* (author: DatedAuthor): Query<void> {
  yield* run('UPDATE collection SET paused_at = coalesce(paused_at, ?) WHERE id = 1', author.at);
  yield* record({ ...author, action: 'gc.pause', target: 'garbage collection', result: 'done' });
});

export const resume = concurrentWrite(function* (author: DatedAuthor): Query<void> {
  yield* run('UPDATE collection SET paused_at = NULL WHERE id = 1');
  yield* record({ ...author, action: 'gc.resume', target: 'garbage collection', result: 'done' });
});

/** Keeps the collector and the audit from running in all processes until `unblock`, and also after restarts. */
export const block = write(function* (reason: BlockReason, now: number): Query<void> {
  yield* run('INSERT INTO collection_blocks (reason, since) VALUES (?, ?) ON CONFLICT (reason) DO NOTHING', reason, now);
});

/** Ends the block for this reason; others stay. */
export const unblock = write(function* (reason: BlockReason): Query<void> {
  yield* run('DELETE FROM collection_blocks WHERE reason = ?', reason);
});
