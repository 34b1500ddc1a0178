import { type Query, run } from './query.ts';

/** Begins the recording of pulls again: earlier pulls are unknown. `now` in milliseconds since 1970. */
export function* restartPullTracking(now: number): Query<void> {
  yield* run(
    'INSERT INTO pull_tracking (id, started_at) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET started_at = excluded.started_at',
    now,
  );
}
