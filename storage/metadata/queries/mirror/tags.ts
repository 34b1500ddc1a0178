import type { Digest } from '../../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../../src/oci/reference.ts';
import { type Query, concurrentWrite, first, read, run, write } from '../steps/query.ts';
import { type Mirrored, mirroredRepositoryId } from './repositories.ts';

/** Tags as their upstream last reported them. Times are milliseconds since 1970. */

export interface MirroredTagRecord {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly sizeBytes: number;
  /** When the upstream last said that the tag points at `digest`, in milliseconds since 1970. */
  readonly checkedAt: number;
  /** When the upstream first said that the tag does not exist, or null. */
  readonly missingSince: number | null;
  /** The manifest that clients of the tag get; null if none is stored. It may be older than `digest`. */
  readonly cachedDigest: Digest | null;
  readonly cachedMediaType: string | null;
  readonly cachedSizeBytes: number | null;
  /** When the upstream last said that the tag points at it, in milliseconds since 1970. */
  readonly cachedSince: number | null;
}

export interface NewMirroredTag extends Mirrored {
  readonly tag: string;
  readonly digest: Digest;
  readonly mediaType: string;
  readonly sizeBytes: number;
  readonly now: number;
}

export const find = read(function* (repository: RepositoryName, tag: string): Query<MirroredTagRecord | undefined> {
  return yield* first<MirroredTagRecord>(
    `SELECT t.digest AS "digest", t.media_type AS "mediaType", t.size_bytes AS "sizeBytes", t.checked_at AS "checkedAt",
            t.missing_since AS "missingSince", m.digest AS "cachedDigest", m.media_type AS "cachedMediaType",
            m.size_bytes AS "cachedSizeBytes", h.updated_at AS "cachedSince"
       FROM repositories r
       JOIN mirrored_tags t ON t.repository_id = r.id AND t.name = ?
       LEFT JOIN tags h ON h.repository_id = r.id AND h.name = t.name
       LEFT JOIN manifests m ON m.repository_id = r.id AND m.digest = h.digest
      WHERE r.name = ?`,
    tag,
    repository,
  );
});

/**
 * Records what the upstream has just said of a tag. The tag gets the manifest if it has none and the manifest is stored; a tag
 * that has another one keeps it until `publish`.
 */
export const record = concurrentWrite(function* (fact: NewMirroredTag): Query<void> {
  const id = yield* mirroredRepositoryId(fact, fact.now);
  yield* run(
    `INSERT INTO mirrored_tags (repository_id, name, digest, media_type, size_bytes, checked_at, missing_since)
     VALUES (?, ?, ?, ?, ?, ?, NULL)
     ON CONFLICT (repository_id, name) DO UPDATE SET digest = excluded.digest, media_type = excluded.media_type,
       size_bytes = excluded.size_bytes, checked_at = excluded.checked_at, missing_since = NULL`,
    id,
    fact.tag,
    fact.digest,
    fact.mediaType,
    fact.sizeBytes,
    fact.now,
  );
  yield* run(
    `INSERT INTO tags (repository_id, name, digest, updated_at)
     SELECT m.repository_id, CAST(? AS TEXT), m.digest, CAST(? AS BIGINT) FROM manifests m WHERE m.repository_id = ? AND m.digest = ?
     ON CONFLICT (repository_id, name) DO UPDATE SET updated_at = excluded.updated_at WHERE tags.digest = excluded.digest`,
    fact.tag,
    fact.now,
    id,
    fact.digest,
  );
});

/** Gives the tag the manifest `digest`, if it is stored and the upstream has last said that the tag points at it. */
export const publish = concurrentWrite(function* (repository: RepositoryName, tag: string, digest: Digest): Query<void> {
  yield* run(
    `INSERT INTO tags (repository_id, name, digest, updated_at)
     SELECT t.repository_id, t.name, t.digest, t.checked_at
       FROM repositories r
       JOIN mirrored_tags t ON t.repository_id = r.id AND t.name = ? AND t.digest = ?
       JOIN manifests m ON m.repository_id = t.repository_id AND m.digest = t.digest
      WHERE r.name = ?
     ON CONFLICT (repository_id, name) DO UPDATE SET digest = excluded.digest, updated_at = excluded.updated_at`,
    tag,
    digest,
    repository,
  );
});

/** Records that the upstream has said that the tag does not exist. The first such time is kept. */
export const recordMissing = concurrentWrite(function* (repository: RepositoryName, tag: string, now: number): Query<void> {
  yield* run(
    `UPDATE mirrored_tags SET checked_at = ?, missing_since = coalesce(missing_since, ?)
      WHERE name = ? AND repository_id = (SELECT id FROM repositories WHERE name = ?)`,
    now,
    now,
    tag,
    repository,
  );
});

export const remove = write(function* (repository: RepositoryName, tag: string): Query<void> {
  for (const table of ['mirrored_tags', 'tags']) {
    yield* run(
      `DELETE FROM ${table} WHERE name = ? AND repository_id = (SELECT id FROM repositories WHERE name = ?)`,
      tag,
      repository,
    );
  }
});
