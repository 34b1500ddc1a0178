import { type Query, all, concurrentWrite, read, run, withoutSync } from '../steps/query.ts';

/** What the mirror did for clients, by upstream and hour. Times are milliseconds since 1970. */

export interface Traffic {
  /** Requests that were answered, and those of them that waited for no new download. */
  readonly requests: number;
  readonly hits: number;
  /** Requests that were answered with an error. */
  readonly failures: number;
  /** Bytes given to clients, bytes of blobs that the upstream sent, and bytes that it did not have to send again. */
  readonly servedBytes: number;
  readonly fetchedBytes: number;
  readonly savedBytes: number;
}

export interface HourOfUpstream extends Traffic {
  readonly upstream: string;
  /** The begin of the hour. */
  readonly hour: number;
}

/** Adds to the sums. */
export const add = withoutSync(
  concurrentWrite(function* (hours: readonly HourOfUpstream[]): Query<void> {
    // Sorted: concurrent writers that lock rows in different orders would deadlock.
    for (const one of hours.toSorted((a, b) => a.hour - b.hour || (a.upstream < b.upstream ? -1 : 1))) {
      yield* run(
        `INSERT INTO mirror_traffic (upstream, hour, requests, hits, failures, served_bytes, fetched_bytes, saved_bytes)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (upstream, hour) DO UPDATE SET requests = mirror_traffic.requests + excluded.requests,
           hits = mirror_traffic.hits + excluded.hits, failures = mirror_traffic.failures + excluded.failures,
           served_bytes = mirror_traffic.served_bytes + excluded.served_bytes,
           fetched_bytes = mirror_traffic.fetched_bytes + excluded.fetched_bytes,
           saved_bytes = mirror_traffic.saved_bytes + excluded.saved_bytes`,
        ...[one.upstream, one.hour, one.requests, one.hits, one.failures, one.servedBytes, one.fetchedBytes, one.savedBytes],
      );
    }
  }),
);

/** Lists the sums of all upstreams since the hour, in periods of `hours` hours, ascending by period and upstream. */
export const listSince = read(function* (hour: number, hours: number): Query<readonly HourOfUpstream[]> {
  const period = hours * 3_600_000;
  const rows = yield* all<Record<keyof HourOfUpstream, string | number>>(
    `SELECT upstream AS "upstream", hour - hour % CAST(? AS BIGINT) AS "hour", sum(requests) AS "requests", sum(hits) AS "hits",
            sum(failures) AS "failures", sum(served_bytes) AS "servedBytes", sum(fetched_bytes) AS "fetchedBytes",
            sum(saved_bytes) AS "savedBytes"
       FROM mirror_traffic WHERE hour >= ? GROUP BY 1, 2 ORDER BY 2, 1`,
    period,
    hour,
  );
  return rows.map(({ upstream, ...numbers }) => ({
    upstream: String(upstream),
    hour: Number(numbers.hour),
    requests: Number(numbers.requests),
    hits: Number(numbers.hits),
    failures: Number(numbers.failures),
    servedBytes: Number(numbers.servedBytes),
    fetchedBytes: Number(numbers.fetchedBytes),
    savedBytes: Number(numbers.savedBytes),
  }));
});

/** Deletes sums of hours before `hour`, and what processes have reported before `reportedAt`. */
export const prune = concurrentWrite(function* (hour: number, reportedAt: number): Query<void> {
  yield* run('DELETE FROM mirror_traffic WHERE hour < ?', hour);
  yield* run('DELETE FROM mirror_processes WHERE updated_at < ?', reportedAt);
});

/** Reports what a process does now; null: nothing. */
export const report = withoutSync(
  concurrentWrite(function* (process: string, state: string | null, now: number): Query<void> {
    if (state === null) return yield* run('DELETE FROM mirror_processes WHERE id = ?', process);
    yield* run(
      `INSERT INTO mirror_processes (id, updated_at, state) VALUES (?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET updated_at = excluded.updated_at, state = excluded.state`,
      process,
      now,
      state,
    );
  }),
);

/** Lists what other processes have reported since `since`. */
export const listReports = read(function* (process: string, since: number): Query<readonly { readonly state: string }[]> {
  return yield* all<{ readonly state: string }>(
    'SELECT state AS "state" FROM mirror_processes WHERE id <> ? AND updated_at >= ? ORDER BY id LIMIT 100',
    process,
    since,
  );
});
