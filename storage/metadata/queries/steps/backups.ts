import { type Query, first } from './query.ts';

/**
 * Returns the time since which no blob may be purged that was needed, in milliseconds since 1970: when the newest complete backup
 * began, or, if there is none, when the one that is being made began. Undefined: there is no backup. A step of the write that
 * purges, because a first backup may begin at any time.
 */
export function* findKeptSince(): Query<number | undefined> {
  const row = yield* first<{ keptSince: number | null }>(
    `SELECT coalesce((SELECT max(began_at) FROM backups WHERE ended_at IS NOT NULL), (SELECT min(began_at) FROM backups WHERE ended_at IS NULL)) AS "keptSince"`,
  );
  return row?.keptSince ?? undefined;
}

/** True while restored rows have not been compared with the blob store: then content may be needed that no row names. */
export function* isRestoring(): Query<boolean> {
  return (yield* first("SELECT 1 FROM collection_blocks WHERE reason = 'restore'")) !== undefined;
}
