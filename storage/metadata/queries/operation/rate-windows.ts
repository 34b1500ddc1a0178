import { type Query, concurrentWrite, first, read, run, withoutSync } from '../steps/query.ts';

/** Windows of rate limits: how much of a limit all processes have taken. Times are milliseconds since 1970. */

/** A process's request for a share of a limit. */
export interface ShareRequest {
  /** The limit and the client that it counts. */
  readonly name: string;
  /** Requests that are allowed within one window. */
  readonly limit: number;
  /** End of the window if this request begins one. */
  readonly endsAt: number;
  /** Requests that wait for the share now. */
  readonly wanted: number;
}

export interface Share {
  /** Requests that this process may admit until the end of the window; 0 if the limit is used up. */
  readonly granted: number;
  /** Shares taken in this window by all processes. */
  readonly used: number;
  readonly endsAt: number;
}

/**
 * Milliseconds. A window that ends later than this after one that begins now is left from a longer limit, or from before a clock
 * was set back.
 */
export const maxClockDifference = 60_000;

/** A process takes this part of what is left, or as much as waits: what an idle process holds back stays small. */
const part = 100;

/**
 * Takes a share for each request, or nothing where the limit is used up. A window begins with the first share after the end of
 * the one before. All processes together never get more than the limit.
 */
export const take = withoutSync(
  concurrentWrite(function* (requests: readonly ShareRequest[], now: number): Query<readonly Share[]> {
    const shares: Share[] = [];
    for (const request of requests) shares.push(yield* takeOne(request, now));
    return shares;
  }),
);

function* takeOne({ name, limit, endsAt, wanted }: ShareRequest, now: number): Query<Share> {
  const isOver = 'rate_windows.ends_at <= ? OR rate_windows.ends_at > ?';
  const over = [now, endsAt + maxClockDifference];
  // SQLite binds every number as a float, which would divide with a fraction.
  const partOfRest = `CAST((? - rate_windows.used) / ${part} AS BIGINT)`;
  const share = `CASE WHEN rate_windows.used >= ? THEN 0
                      WHEN ? - rate_windows.used <= ? THEN ? - rate_windows.used
                      WHEN ${partOfRest} > ? THEN ${partOfRest}
                      ELSE ? END`;
  const shared = [limit, limit, wanted, limit, limit, wanted, limit, wanted];
  const whole = Math.min(limit, Math.max(wanted, Math.floor(limit / part)));
  const row = yield* first<Share>(
    `INSERT INTO rate_windows (name, ends_at, used, granted) VALUES (?, ?, ?, ?)
     ON CONFLICT (name) DO UPDATE SET
       granted = CASE WHEN ${isOver} THEN excluded.granted ELSE ${share} END,
       used = CASE WHEN ${isOver} THEN excluded.used ELSE rate_windows.used + ${share} END,
       ends_at = CASE WHEN ${isOver} THEN excluded.ends_at ELSE rate_windows.ends_at END
     RETURNING granted AS "granted", used AS "used", ends_at AS "endsAt"`,
    ...[name, endsAt, whole, whole],
    ...over,
    ...shared,
    ...over,
    ...shared,
    ...over,
  );
  if (!row) throw new Error(`the share of ${name} was not written`);
  return row;
}

/** Returns the shares taken in the window that is open at `now`; undefined if none is. */
export const find = read(function* (name: string, now: number): Query<Pick<Share, 'used' | 'endsAt'> | undefined> {
  return yield* first('SELECT used AS "used", ends_at AS "endsAt" FROM rate_windows WHERE name = ? AND ends_at > ?', name, now);
});

/** Deletes windows that ended before `before`. */
export const forget = concurrentWrite(function* (before: number): Query<void> {
  yield* run('DELETE FROM rate_windows WHERE ends_at < ?', before);
});
