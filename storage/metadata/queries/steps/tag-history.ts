import type { Digest } from '../../../../src/oci/digest.ts';
import type { DatedAuthor } from './events.ts';
import { type Query, insertRows } from './query.ts';

/** Steps of writes that move tags. */

/** A tag and the digests before and after; null: there was, or is, no such tag. */
export interface TagChange {
  readonly name: string;
  readonly from: Digest | null;
  readonly to: Digest | null;
}

/**
 * Records the tags that really moved, with who moved them and why (may be empty). One statement for 500 of them, and none where
 * none moved.
 */
export function* recordTagChanges(
  repositoryId: number,
  changes: readonly TagChange[],
  { at, actor }: Pick<DatedAuthor, 'at' | 'actor'>,
  reason = '',
): Query<void> {
  const moved = changes.filter(({ from, to }) => from !== to);
  yield* insertRows(
    'INSERT INTO tag_history (repository_id, name, at, from_digest, to_digest, actor, reason)',
    moved.map(({ name, from, to }) => [repositoryId, name, at, from, to, actor, reason]),
    '',
  );
}
