import type { Digest } from '../../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../../src/oci/reference.ts';
import { type Query, first } from './query.ts';

/** A person's "do not delete". Times are milliseconds since 1970. */
export interface HoldRecord {
  readonly repository: RepositoryName;
  readonly digest: Digest;
  readonly reason: string;
  readonly actor: string;
  readonly createdAt: number;
  /** Null: without an end. */
  readonly until: number | null;
}

export const holdColumns = `r.name AS "repository", h.digest AS "digest", h.reason AS "reason", h.actor AS "actor",
  h.created_at AS "createdAt", h.until AS "until"`;

/** Returns the hold of a manifest that has not ended. */
export function findHold(repositoryId: number, digest: Digest, now: number): Query<HoldRecord | undefined> {
  return first<HoldRecord>(
    `SELECT ${holdColumns} FROM holds h JOIN repositories r ON r.id = h.repository_id
      WHERE h.repository_id = ? AND h.digest = ? AND (h.until IS NULL OR h.until > ?)`,
    repositoryId,
    digest,
    now,
  );
}
