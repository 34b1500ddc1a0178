import { type Query, concurrentWrite, first, read, run } from '../steps/query.ts';

/** The verification that was asked for last. Times are milliseconds since 1970. */

export interface VerificationRequest {
  /** `quick`: existence and size; `deep`: every byte. */
  readonly depth: 'quick' | 'deep';
  /** Percent of the content that is looked at, chosen at random. */
  readonly percent: number;
  /** Pattern of repositories; null: all content. */
  readonly pattern: string | null;
  readonly requestedAt: number;
  readonly requestedBy: string;
}

export interface VerificationProgress {
  /** Where it goes on; null when it has ended. JSON. */
  readonly position: string | null;
  /** Content that was looked at. */
  readonly checked: number;
  /** The part of it that is corrupt. */
  readonly corrupt: number;
  /** The part of it that could not be read. */
  readonly unreadable: number;
  readonly endedAt: number | null;
}

/** Returns the verification that was asked for last, also when it has ended. */
export const find = read(function* (): Query<(VerificationRequest & VerificationProgress) | undefined> {
  return yield* first<VerificationRequest & VerificationProgress>(
    `SELECT depth AS "depth", percent AS "percent", repositories AS "pattern", requested_at AS "requestedAt",
            requested_by AS "requestedBy", position AS "position", checked AS "checked", corrupt AS "corrupt",
            unreadable AS "unreadable", ended_at AS "endedAt" FROM verification WHERE id = 1`,
  );
});

/** Asks for a verification from `position` on. It replaces one that has not ended. */
export const start = concurrentWrite(function* (request: VerificationRequest, position: string): Query<void> {
  yield* run(
    `INSERT INTO verification (id, depth, percent, repositories, requested_at, requested_by, position, checked, corrupt, unreadable)
     VALUES (1, ?, ?, ?, ?, ?, ?, 0, 0, 0)
     ON CONFLICT (id) DO UPDATE SET depth = excluded.depth, percent = excluded.percent, repositories = excluded.repositories,
       requested_at = excluded.requested_at, requested_by = excluded.requested_by, position = excluded.position,
       checked = 0, corrupt = 0, unreadable = 0, ended_at = NULL`,
    request.depth,
    request.percent,
    request.pattern,
    request.requestedAt,
    request.requestedBy,
    position,
  );
});

/** Records how far the verification is that was asked for at `requestedAt`. Changes nothing if another has replaced it. */
export const advance = concurrentWrite(function* (requestedAt: number, progress: VerificationProgress): Query<void> {
  const { position, checked, corrupt, unreadable, endedAt } = progress;
  yield* run(
    `UPDATE verification SET position = ?, checked = ?, corrupt = ?, unreadable = ?, ended_at = ?
      WHERE id = 1 AND requested_at = ?`,
    position,
    checked,
    corrupt,
    unreadable,
    endedAt,
    requestedAt,
  );
});
