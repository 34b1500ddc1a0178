import { type Query, type Row, all, concurrentWrite, decoder, first, insertRows, read, run, write } from '../steps/query.ts';
import { type DatedAuthor, record } from '../steps/events.ts';
import { restartAudit } from '../steps/reviews.ts';
import { restartPullTracking } from '../steps/pull-tracking.ts';

/** Runs of an adoption: its parts (shards), their positions, and its end. Times are milliseconds since 1970. */

export interface AdoptionState {
  readonly startedAt: number;
  /** Start of the newest run. */
  readonly runAt: number;
  /** End of the newest run; null while it is incomplete. */
  readonly endedAt: number | null;
  /** Null while the other registry may run. */
  readonly finishedAt: number | null;
  /** The upstream whose pull-through cache is adopted as mirrored content; null: content is adopted as pushed. */
  readonly upstream: string | null;
}

/** Sound things that a run has found. */
export interface AdoptionCounts {
  readonly blobs: number;
  readonly bytes: number;
  readonly layers: number;
  readonly manifests: number;
  readonly tags: number;
}

/** A part of the store, and what the newest run has found in it. */
export interface ShardState extends AdoptionCounts {
  readonly name: string;
  /** The last path that was read; '' before the first. */
  readonly position: string;
  readonly isDone: boolean;
}

const toShard = decoder<ShardState>('isDone');

/** Returns the state of the adoption; undefined if there was none. */
export const find = read(function* (): Query<AdoptionState | undefined> {
  return yield* first<AdoptionState>(
    `SELECT started_at AS "startedAt", run_at AS "runAt", ended_at AS "endedAt", finished_at AS "finishedAt", upstream AS "upstream"
       FROM adoption WHERE id = 1`,
  );
});

/**
 * Begins an adoption or a further run of it, or continues the run that was interrupted: of content that was pushed, or that is
 * mirrored from `upstream`, as in the first run. From now on no bytes are deleted. Runs alone: no step of garbage collection is
 * in the middle of its transaction.
 */
export const begin = write(function* (
  shards: readonly string[],
  now: number,
  upstream: string | null = null,
): Query<AdoptionState> {
  yield* run(
    'INSERT INTO adoption (id, started_at, run_at, upstream) VALUES (1, ?, ?, ?) ON CONFLICT (id) DO NOTHING',
    now,
    now,
    upstream,
  );
  const state = yield* find();
  if (!state) throw new Error('the row of the adoption is missing');
  const isInterrupted = state.endedAt === null && (yield* first('SELECT 1 FROM adoption_shards LIMIT 1'));
  if (state.finishedAt !== null || isInterrupted) return state;
  yield* run('DELETE FROM adoption_shards');
  yield* insertRows(
    'INSERT INTO adoption_shards (name, position, is_done, blobs, bytes, layers, manifests, tags)',
    shards.map((name) => [name, '', 0, 0, 0, 0, 0, 0]),
    '',
  );
  yield* run('UPDATE adoption SET run_at = ?, ended_at = NULL WHERE id = 1', now);
  return { ...state, runAt: now, endedAt: null };
});

export const listShards = read(function* (): Query<readonly ShardState[]> {
  const rows = yield* all<Row>(
    `SELECT name AS "name", position AS "position", is_done AS "isDone", blobs AS "blobs", bytes AS "bytes",
            layers AS "layers", manifests AS "manifests", tags AS "tags" FROM adoption_shards ORDER BY name`,
  );
  return rows.map(toShard);
});

/** True while a collector may be deleting bytes that it chose before the adoption. Ends deletions that cannot be going on. */
export const isPurging = concurrentWrite(function* (abandonedBefore: number): Query<boolean> {
  yield* run('DELETE FROM purges WHERE until < ?', abandonedBefore);
  return (yield* first('SELECT 1 FROM purges LIMIT 1')) !== undefined;
});

/** Records that the newest run is complete. */
export const endRun = concurrentWrite(function* (now: number): Query<void> {
  yield* run('UPDATE adoption SET ended_at = ? WHERE id = 1', now);
});

/**
 * Ends the adoption: the store is berth's alone. Content that nothing needs is found by the audit of garbage collection; pulls
 * before now are unknown to rules of retention, which look at every repository. False if it was finished already.
 */
export const finish = write(function* (author: DatedAuthor): Query<boolean> {
  const { at, actor, address } = author;
  const row = yield* first('UPDATE adoption SET finished_at = ? WHERE id = 1 AND finished_at IS NULL RETURNING id', at);
  if (!row) return false;
  yield* restartPullTracking(at);
  yield* restartAudit();
  yield* run('UPDATE retention_state SET sweep_position = 0 WHERE id = 1');
  yield* record({ at, actor, address, action: 'adoption.finish', target: '', result: 'done' });
  return true;
});

/** Deletes at most `limit` of the links that were remembered for the next run. Returns their number. */
export const forgetLinks = concurrentWrite(function* (limit: number): Query<number> {
  const rows = yield* all(
    'DELETE FROM adopted_links WHERE path IN (SELECT path FROM adopted_links ORDER BY path LIMIT ?) RETURNING path',
    limit,
  );
  return rows.length;
});
