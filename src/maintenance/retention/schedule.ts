import { lastTimeOfDay, nextTimeOfDay } from './time-of-day.ts';

/** Schedule of retention: at a time of each day, or at intervals. */
export type Schedule =
  | { readonly kind: 'daily'; readonly minutes: number; readonly timeZone: string }
  | { readonly kind: 'interval'; readonly milliseconds: number };

/**
 * True if a run is due at `now`; all times are milliseconds since 1970. A last run in the future means that the clock was
 * set back.
 */
export function isRunDue(schedule: Schedule, ranAt: number, now: number): boolean {
  if (ranAt > now) return true;
  return schedule.kind === 'interval'
    ? now - ranAt >= schedule.milliseconds
    : lastTimeOfDay(now, schedule.minutes, schedule.timeZone) > ranAt;
}

/** Returns the first run at or after `now`. */
export function nextRun(schedule: Schedule, ranAt: number, now: number): number {
  if (isRunDue(schedule, ranAt, now)) return now;
  return schedule.kind === 'interval' ? ranAt + schedule.milliseconds : nextTimeOfDay(now, schedule.minutes, schedule.timeZone);
}
