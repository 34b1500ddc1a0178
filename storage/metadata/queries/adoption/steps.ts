import { type Query, type Value, insertRows, run } from '../steps/query.ts';
import type { AdoptionCounts } from './runs.ts';

/** Steps that writes of an adoption share: each runs within its caller's transaction. */

/** Something unusual at a path of the store. */
export interface StoredOddity {
  readonly path: string;
  readonly kind: string;
  /** May be empty. */
  readonly detail: string;
}

/** How far a run has come in a shard after a page. */
export interface ShardStep {
  readonly shard: string;
  /** The last path of the page. */
  readonly position: string;
  readonly isDone: boolean;
  /** What the page adds to the counts. */
  readonly counts: AdoptionCounts;
}

/** Rows of a statement. Few sizes: a store keeps each prepared statement, and those with many rows are large. */
const sizes = [128, 32, 8, 1] as const;

/** Yields the items in arrays of a few sizes. */
export function* inSteps<Item>(items: readonly Item[]): Generator<readonly Item[]> {
  let start = 0;
  for (const size of sizes) for (; items.length - start >= size; start += size) yield items.slice(start, start + size);
}

/** Inserts rows as `insertRows` does, with statements of a few sizes. */
export function* insertInSteps(insert: string, rows: readonly (readonly Value[])[], conflict: string): Query<void> {
  for (const step of inSteps(rows)) yield* insertRows(insert, step, conflict);
}

/** Records oddities; a path has at most one of each kind. */
export function* insertOddities(oddities: readonly StoredOddity[]): Query<void> {
  const byKey = new Map(oddities.map((oddity) => [`${oddity.path} ${oddity.kind}`, oddity]));
  yield* insertInSteps(
    'INSERT INTO adoption_oddities (path, kind, detail)',
    [...byKey.values()].map(({ path, kind, detail }) => [path, kind, detail]),
    'ON CONFLICT (path, kind) DO UPDATE SET detail = excluded.detail',
  );
}

export function* advanceShard({ shard, position, isDone, counts }: ShardStep): Query<void> {
  yield* run(
    `UPDATE adoption_shards SET position = ?, is_done = ?, blobs = blobs + CAST(? AS BIGINT), bytes = bytes + CAST(? AS BIGINT),
            layers = layers + CAST(? AS BIGINT), manifests = manifests + CAST(? AS BIGINT), tags = tags + CAST(? AS BIGINT)
      WHERE name = ?`,
    position,
    isDone ? 1 : 0,
    counts.blobs,
    counts.bytes,
    counts.layers,
    counts.manifests,
    counts.tags,
    shard,
  );
}
