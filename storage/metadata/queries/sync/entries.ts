import type { RepositoryName } from '../../../../src/oci/reference.ts';
import { type Query, all, batches, concurrentWrite, first, insertRows, read, run } from '../steps/query.ts';

/** Entries of `sync`, and what their last runs did. Times are milliseconds since 1970. */

export interface SyncEntryRecord {
  readonly name: string;
  readonly firstSeenAt: number;
  /** A person wants a run; null: no run is wanted, or it has begun. */
  readonly requestedAt: number | null;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  /** End of the last run without failures. */
  readonly succeededAt: number | null;
  /** When a failed run is tried again. */
  readonly retryAt: number | null;
  /** Failed runs in a row. */
  readonly failures: number;
  /** Why the last run ended early, or how much it could not copy. */
  readonly error: string | null;
  /** What the last run did, JSON. */
  readonly summary: string | null;
}

/** Something that a run could not copy or delete. */
export interface SyncFailureRecord {
  readonly repository: RepositoryName;
  /** A tag or digest; '' for the repository as a whole. */
  readonly reference: string;
  readonly reason: string;
}

export interface EndedSyncRun {
  readonly name: string;
  readonly endedAt: number;
  readonly retryAt: number | null;
  readonly error: string | null;
  readonly summary: string;
  readonly failures: readonly SyncFailureRecord[];
}

const columns = `name AS "name", first_seen_at AS "firstSeenAt", requested_at AS "requestedAt", started_at AS "startedAt",
  ended_at AS "endedAt", succeeded_at AS "succeededAt", retry_at AS "retryAt", failures AS "failures", error AS "error",
  summary AS "summary"`;

/** Returns all entries that ever were in force, by name. */
export const list = read(function* (): Query<readonly SyncEntryRecord[]> {
  return yield* all<SyncEntryRecord>(`SELECT ${columns} FROM sync_entries ORDER BY name`);
});

export const find = read(function* (name: string): Query<SyncEntryRecord | undefined> {
  return yield* first<SyncEntryRecord>(`SELECT ${columns} FROM sync_entries WHERE name = ?`, name);
});

/** Adds entries that are not known yet. */
export const add = concurrentWrite(function* (names: readonly string[], now: number): Query<void> {
  const rows = names.map((name) => [name, now, 0]);
  yield* insertRows('INSERT INTO sync_entries (name, first_seen_at, failures)', rows, 'ON CONFLICT (name) DO NOTHING');
});

/** Asks for a run. Returns false if there is no such entry. */
export const request = concurrentWrite(function* (name: string, now: number): Query<boolean> {
  return (yield* first('UPDATE sync_entries SET requested_at = ? WHERE name = ? RETURNING name', now, name)) !== undefined;
});

/** Records the begin of a run. */
export const begin = concurrentWrite(function* (name: string, now: number): Query<void> {
  yield* run('UPDATE sync_entries SET started_at = ?, requested_at = NULL WHERE name = ?', now, name);
});

/** Records the end of a run and replaces the failures of the run before. */
export const end = concurrentWrite(function* (ended: EndedSyncRun): Query<void> {
  const { name, endedAt, retryAt, error, summary, failures } = ended;
  yield* run(
    `UPDATE sync_entries SET ended_at = ?, retry_at = ?, error = ?, summary = ?,
            succeeded_at = ${error === null ? 'CAST(? AS BIGINT)' : 'coalesce(succeeded_at, CAST(? AS BIGINT))'},
            failures = ${error === null ? '0' : 'failures + 1'} WHERE name = ?`,
    endedAt,
    retryAt,
    error,
    summary,
    error === null ? endedAt : null,
    name,
  );
  yield* run('DELETE FROM sync_failures WHERE entry = ?', name);
  for (const batch of batches(failures)) {
    const rows = batch.map(({ repository, reference, reason }) => [name, repository, reference, reason]);
    yield* insertRows(
      'INSERT INTO sync_failures (entry, repository, reference, reason)',
      rows,
      'ON CONFLICT (entry, repository, reference) DO NOTHING',
    );
  }
});

/** Returns what the last run could not do, by repository and reference. */
export const listFailures = read(function* (name: string, limit: number): Query<readonly SyncFailureRecord[]> {
  return yield* all<SyncFailureRecord>(
    `SELECT repository AS "repository", reference AS "reference", reason AS "reason" FROM sync_failures
      WHERE entry = ? ORDER BY repository, reference LIMIT ?`,
    name,
    limit,
  );
});
