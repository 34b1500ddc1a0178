import { type Query, all, concurrentWrite, read, run, withoutSync } from '../steps/query.ts';

/** The last run of each scheduled job, in any process. Times are milliseconds since 1970. */

export interface JobRunRecord {
  readonly name: string;
  readonly endedAt: number;
  readonly milliseconds: number;
  /** The last failure; null: none. */
  readonly failedAt: number | null;
  /** Message of the last failure; ''. */
  readonly error: string;
}

export interface NewJobRun {
  readonly name: string;
  readonly endedAt: number;
  readonly milliseconds: number;
  /** Undefined: the run succeeded. */
  readonly error: string | undefined;
}

/** Lists the jobs by name. There are some twenty. */
export const list = read(function* (): Query<readonly JobRunRecord[]> {
  return yield* all<JobRunRecord>(
    `SELECT name AS "name", ended_at AS "endedAt", milliseconds AS "milliseconds", failed_at AS "failedAt", error AS "error"
       FROM job_runs ORDER BY name`,
  );
});

/** Records a run. A run that succeeded leaves the last failure. */
export const record = withoutSync(
  concurrentWrite(function* ({ name, endedAt, milliseconds, error }: NewJobRun): Query<void> {
    const failure = error === undefined ? '' : ', failed_at = excluded.failed_at, error = excluded.error';
    yield* run(
      `INSERT INTO job_runs (name, ended_at, milliseconds, failed_at, error) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (name) DO UPDATE SET ended_at = excluded.ended_at, milliseconds = excluded.milliseconds${failure}`,
      ...[name, endedAt, milliseconds, error === undefined ? null : endedAt, error ?? ''],
    );
  }),
);
