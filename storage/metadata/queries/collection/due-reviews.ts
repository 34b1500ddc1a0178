import type { Digest } from '../../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../../src/oci/reference.ts';
import { type Query, all } from '../steps/query.ts';
import { everyRepository } from '../steps/reviews.ts';

/** A due review and all that its decision depends on. Flags are 0 or 1. */
export interface DueReview {
  readonly repositoryId: number;
  /** Null for a review of the bytes themselves, and where the repository is gone. */
  readonly repository: RepositoryName | null;
  readonly digest: Digest;
  readonly isUrgent: number;
  readonly failures: number;
  readonly isLinked: number;
  /** 1 if the repository has a manifest with the digest. */
  readonly isManifest: number;
  readonly isNeeded: number;
  readonly claimedUntil: number | null;
  readonly purger: string | null;
  readonly purgeUntil: number | null;
  /** 1 if a deletion that was begun before had taken a claim away. */
  readonly mayReturn: number | null;
  /** Until when a writer whose claim was taken away may store the bytes; null: there is none. */
  readonly returnsUntil: number | null;
  readonly sizeBytes: number | null;
  readonly unreferencedSince: number | null;
}

/**
 * 1 if one of the lookups finds a row, else 0. Scalar subqueries: PostgreSQL reads whole tables for EXISTS in a list of
 * columns.
 */
const found = (...lookups: readonly string[]) =>
  `coalesce(${lookups.map((lookup) => `(SELECT 1 FROM ${lookup} LIMIT 1)`).join(', ')}, 0)`;

const neededLink = found(
  'mirrored_repositories m WHERE m.repository_id = v.repository_id',
  'manifest_references f WHERE f.repository_id = v.repository_id AND f.digest = v.digest',
  'trashed_references f WHERE f.repository_id = v.repository_id AND f.digest = v.digest',
);

const neededBytes = found(
  'links l WHERE l.digest = v.digest',
  'manifests m WHERE m.digest = v.digest',
  'trashed_manifests m WHERE m.digest = v.digest',
);

/** Lists at most `limit` reviews that are due, first those that are due for longest. */
export function* listDue(now: number, limit: number): Query<readonly DueReview[]> {
  return yield* all<DueReview>(
    `SELECT v.repository_id AS "repositoryId", r.name AS "repository", v.digest AS "digest", v.is_urgent AS "isUrgent",
            v.failures AS "failures", ${found('links l WHERE l.repository_id = v.repository_id AND l.digest = v.digest')} AS "isLinked",
            ${found('manifests m WHERE m.repository_id = v.repository_id AND m.digest = v.digest')} AS "isManifest",
            CASE WHEN v.repository_id = ${everyRepository} THEN ${neededBytes} ELSE ${neededLink} END AS "isNeeded",
            (SELECT max(c.until) FROM claims c WHERE c.digest = v.digest) AS "claimedUntil",
            p.purger AS "purger", p.until AS "purgeUntil", p.may_return AS "mayReturn", v.returns_until AS "returnsUntil",
            coalesce(b.size_bytes, p.size_bytes) AS "sizeBytes",
            b.unreferenced_since AS "unreferencedSince"
       FROM reviews v LEFT JOIN repositories r ON r.id = v.repository_id
       LEFT JOIN blobs b ON b.digest = v.digest LEFT JOIN purges p ON p.digest = v.digest
      WHERE v.due_at <= ? ORDER BY v.due_at, v.repository_id, v.digest LIMIT ?`,
    now,
    limit,
  );
}
