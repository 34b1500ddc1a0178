import type { Digest, DigestAlgorithm } from '../../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../../src/oci/reference.ts';
import { type Query, all, concurrentWrite, first, read, run, withoutSync } from '../steps/query.ts';
import { type Excess, findExcess, refuseReservation } from '../steps/quotas.ts';

/**
 * Space that open uploads hold in the quotas of their repositories, before their bytes are stored. The end of a session
 * releases it in the same transaction. A power failure may lose a reservation: the next request of the session holds the
 * space again. Times are milliseconds since 1970.
 */

/** Makes the session hold `sizeBytes` altogether. Rejects `QuotaRefusal`, and changes nothing, if a quota has no room for it. */
export const hold = withoutSync(
  concurrentWrite(function* (uploadId: string, repository: RepositoryName, sizeBytes: number): Query<void> {
    const held = yield* first<{ bytes: number }>('SELECT reserved_bytes AS "bytes" FROM uploads WHERE id = ?', uploadId);
    yield* run('UPDATE uploads SET reserved_bytes = ? WHERE id = ?', sizeBytes, uploadId);
    yield* refuseReservation(repository, sizeBytes - (held?.bytes ?? 0));
  }),
);

/**
 * Creates a session that holds `sizeBytes`, for an upload in one request: it can be found if this process dies. Rejects as
 * `hold`.
 */
export const begin = withoutSync(
  concurrentWrite(function* (
    uploadId: string,
    repository: RepositoryName,
    algorithm: DigestAlgorithm,
    now: number,
    sizeBytes: number,
  ): Query<void> {
    yield* run(
      'INSERT INTO uploads (id, repository, algorithm, started_at, reserved_bytes) VALUES (?, ?, ?, ?, ?)',
      uploadId,
      repository,
      algorithm,
      now,
      sizeBytes,
    );
    yield* refuseReservation(repository, sizeBytes);
  }),
);

/** Makes the session hold exactly the bytes that it has stored, after it held more. */
export const settle = withoutSync(
  concurrentWrite(function* (uploadId: string, sizeBytes: number): Query<void> {
    yield* run('UPDATE uploads SET reserved_bytes = ? WHERE id = ? AND reserved_bytes > ?', sizeBytes, uploadId, sizeBytes);
  }),
);

/** An upload session that holds space. */
export interface HoldingSession {
  readonly id: string;
  readonly repository: RepositoryName;
}

/**
 * Lists at most `limit` sessions begun before `before` that hold space, after the session `after` (exclusive) in the order
 * of ids.
 */
export const list = read(function* (before: number, after: string, limit: number): Query<readonly HoldingSession[]> {
  return yield* all<HoldingSession>(
    `SELECT id AS "id", repository AS "repository" FROM uploads WHERE id > ? AND started_at < ? AND reserved_bytes > 0
      ORDER BY id LIMIT ?`,
    after,
    before,
    limit,
  );
});

/**
 * Returns the quota that has no room for content of the repository, before its bytes are stored; undefined if there is
 * room. Another write can use the room before the content is recorded. `digest` is '' if unknown.
 */
export const findObstacle = read(function* (
  repository: RepositoryName,
  digest: Digest | '',
  sizeBytes: number,
): Query<Excess | undefined> {
  return yield* findExcess(repository, digest, sizeBytes);
});
