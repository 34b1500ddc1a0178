/**
 * Conditions on untagged manifests: SQL about the row `m` of `manifests`. Scalar subqueries: PostgreSQL reads whole tables
 * for EXISTS in a list of columns.
 */

const one = (lookup: string) => `(SELECT 1 FROM ${lookup} LIMIT 1)`;

/**
 * 1 if the manifest is kept by a tag, by an index that contains it, or by its subject, unless that is in the trash; else 0.
 * A subject that was never here keeps it, too.
 */
export const isAttached = `coalesce(
  ${one('tags t WHERE t.repository_id = m.repository_id AND t.digest = m.digest')},
  ${one('manifest_references f WHERE f.repository_id = m.repository_id AND f.digest = m.digest')},
  CASE WHEN m.subject IS NOT NULL
        AND ${one('trashed_manifests s WHERE s.repository_id = m.repository_id AND s.digest = m.subject')} IS NULL THEN 1 END,
  0)`;

/** The times of which `lastNeededAt` returns the last one. */
export interface NeededTimes {
  readonly pushedAt: number;
  readonly untaggedAt: number | null;
  /** The start of the recording where no pull was recorded; null before it. */
  readonly pulledAt: number | null;
}

/** The columns of `NeededTimes`. */
export const neededTimes = `m.pushed_at AS "pushedAt",
  (SELECT max(h.at) FROM tag_history h WHERE h.repository_id = m.repository_id AND h.from_digest = m.digest) AS "untaggedAt",
  coalesce((SELECT p.pulled_at FROM manifest_pulls p WHERE p.repository_id = m.repository_id AND p.digest = m.digest),
    (SELECT started_at FROM pull_tracking WHERE id = 1)) AS "pulledAt"`;

/**
 * Returns the time of the last push, untagging or pull, in milliseconds since 1970: `now` while no pulls are recorded. A manifest
 * that was not pulled since the recording began counts as pulled then.
 */
export function lastNeededAt({ pushedAt, untaggedAt, pulledAt }: NeededTimes, now: number): number {
  return Math.max(pushedAt, untaggedAt ?? 0, pulledAt ?? now);
}
