import type { Digest } from '../../../../src/oci/digest.ts';
import { type Query, all, concurrentWrite, first, read, run } from '../steps/query.ts';
import { everyRepository, review } from '../steps/reviews.ts';
import { isAttached } from '../steps/untagged.ts';

/** The audit of all content for what nothing needs and no review will find. Times are milliseconds since 1970. */

/** The last row that was looked at. Links come before blobs, and these before manifests. */
export interface AuditPosition {
  readonly part: 'links' | 'blobs' | 'manifests';
  readonly repositoryId: number;
  readonly digest: Digest | '';
}

export interface AuditPage {
  readonly rows: number;
  /** Reviews that were written. */
  readonly missed: number;
  /** Undefined after the last page. */
  readonly next: AuditPosition | undefined;
}

interface AuditedRow {
  readonly repositoryId: number;
  readonly digest: Digest;
  readonly isFine: number;
}

/** 1 if one of the lookups finds a row, else 0. */
const found = (...lookups: readonly string[]) =>
  `coalesce(${lookups.map((lookup) => `(SELECT 1 FROM ${lookup} LIMIT 1)`).join(', ')}, 0)`;

const linkIsFine = found(
  'reviews v WHERE v.repository_id = l.repository_id AND v.digest = l.digest',
  'mirrored_repositories m WHERE m.repository_id = l.repository_id',
  'manifest_references f WHERE f.repository_id = l.repository_id AND f.digest = l.digest',
  'trashed_references f WHERE f.repository_id = l.repository_id AND f.digest = l.digest',
);

const blobIsFine = found(
  `reviews v WHERE v.repository_id = ${everyRepository} AND v.digest = b.digest`,
  'links l WHERE l.digest = b.digest',
  'manifests m WHERE m.digest = b.digest',
  'trashed_manifests m WHERE m.digest = b.digest',
);

const manifestIsFine = `coalesce(
  (SELECT 1 FROM reviews v WHERE v.repository_id = m.repository_id AND v.digest = m.digest),
  (SELECT 1 FROM mirrored_repositories x WHERE x.repository_id = m.repository_id),
  (SELECT 1 FROM holds h WHERE h.repository_id = m.repository_id AND h.digest = m.digest AND h.until IS NULL),
  ${isAttached})`;

/** Manifests are looked at only where the configuration deletes untagged ones. */
const selects: Readonly<Record<AuditPosition['part'], string>> = {
  links: `SELECT l.repository_id AS "repositoryId", l.digest AS "digest", ${linkIsFine} AS "isFine" FROM links l
    WHERE (l.repository_id, l.digest) > (?, ?) ORDER BY l.repository_id, l.digest LIMIT ?`,
  blobs: `SELECT ${everyRepository} AS "repositoryId", b.digest AS "digest", ${blobIsFine} AS "isFine" FROM blobs b
    WHERE b.digest > ? ORDER BY b.digest LIMIT ?`,
  manifests: `SELECT m.repository_id AS "repositoryId", m.digest AS "digest", ${manifestIsFine} AS "isFine" FROM manifests m
    WHERE (m.repository_id, m.digest) > (?, ?) AND (SELECT untagged_ms FROM collection WHERE id = 1) IS NOT NULL
    ORDER BY m.repository_id, m.digest LIMIT ?`,
};

/** Looks at `limit` rows behind the position, and writes the reviews that are missing. */
export const audit = concurrentWrite(function* (position: AuditPosition, limit: number, now: number): Query<AuditPage> {
  const { part, repositoryId, digest } = position;
  const start = part === 'blobs' ? [digest] : [repositoryId, digest];
  const rows = yield* all<AuditedRow>(selects[part], ...start, limit);
  const missed = rows.filter(({ isFine }) => isFine === 0);
  for (const row of missed) yield* review(row.repositoryId, row.digest, now);
  return { rows: rows.length, missed: missed.length, next: after(position, rows, limit) };
});

const following = { links: 'blobs', blobs: 'manifests', manifests: undefined } as const;

function after({ part }: AuditPosition, rows: readonly AuditedRow[], limit: number): AuditPosition | undefined {
  const last = rows.at(-1);
  if (last && rows.length === limit) return { part, repositoryId: last.repositoryId, digest: last.digest };
  const next = following[part];
  return next && { part: next, repositoryId: 0, digest: '' };
}

/** Reads the position of the audit. */
export const position = read(function* (): Query<AuditPosition> {
  const row = yield* first<AuditPosition>(
    `SELECT audit_part AS "part", audit_repository AS "repositoryId", audit_digest AS "digest" FROM collection WHERE id = 1`,
  );
  if (!row) throw new Error('the row of garbage collection is missing');
  return row;
});

/** Moves the audit on, unless it was begun again since `from`. `endedAt`: when it has looked at everything. */
export const store = concurrentWrite(function* (from: AuditPosition, to: AuditPosition, endedAt: number | null): Query<void> {
  yield* run(
    `UPDATE collection SET audit_part = ?, audit_repository = ?, audit_digest = ?, audited_at = coalesce(CAST(? AS BIGINT), audited_at)
      WHERE id = 1 AND audit_part = ? AND audit_repository = ? AND audit_digest = ?`,
    to.part,
    to.repositoryId,
    to.digest,
    endedAt,
    from.part,
    from.repositoryId,
    from.digest,
  );
});

/** Returns the number of rows that an audit reads. Counts all of them: for commands, not for regular work. */
export const estimateRows = read(function* (): Query<number> {
  const row = yield* first<{ count: number | string }>(
    `SELECT (SELECT count(*) FROM links) + (SELECT count(*) FROM blobs) + (SELECT count(*) FROM manifests, collection
       WHERE untagged_ms IS NOT NULL) AS "count"`,
  );
  return Number(row?.count ?? 0);
});
