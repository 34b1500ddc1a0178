import { wallClock } from './time-zone.ts';

export const millisecondsPerDay = 86_400_000;

const minutesPerDay = 1440;

/** Parses a time of day, such as `03:00`. Returns minutes since midnight; undefined for other texts. */
export function parseTimeOfDay(text: string): number | undefined {
  const [, hours, minutes] = /^(\d{1,2}):(\d{2})$/.exec(text) ?? [];
  const total = Number(hours) * 60 + Number(minutes);
  return Number(minutes) < 60 && total < minutesPerDay ? total : undefined;
}

/** Returns the latest time, at or before `now`, at which work is due that is done once on each local day. */
export function lastTimeOfDay(now: number, minutes: number, timeZone: string): number {
  const midnight = wallMidnight(now, timeZone);
  const today = instantOf(midnight + minutes * 60_000, timeZone);
  return today <= now ? today : instantOf(midnight - millisecondsPerDay + minutes * 60_000, timeZone);
}

/** Returns the first time after `now` at which such work is due. */
export function nextTimeOfDay(now: number, minutes: number, timeZone: string): number {
  const midnight = wallMidnight(now, timeZone);
  const today = instantOf(midnight + minutes * 60_000, timeZone);
  return today > now ? today : instantOf(midnight + millisecondsPerDay + minutes * 60_000, timeZone);
}

function wallMidnight(now: number, timeZone: string): number {
  return Math.floor(wallClock(now, timeZone) / millisecondsPerDay) * millisecondsPerDay;
}

/**
 * Returns the first instant at which the clocks show `wall`. If they skip it (the change to summer time), the instant of the
 * change.
 */
function instantOf(wall: number, timeZone: string): number {
  const offset = (near: number) => wallClock(near, timeZone) - near;
  const offsets = [offset(wall - millisecondsPerDay), offset(wall + millisecondsPerDay)];
  const instants = offsets.map((one) => wall - one).sort((one, other) => one - other);
  const shown = instants.find((instant) => wallClock(instant, timeZone) === wall);
  if (shown !== undefined) return shown;
  let [before = 0, after = 0] = instants;
  while (after - before > 1000) {
    const middle = Math.floor((before + after) / 2000) * 1000;
    if (wallClock(middle, timeZone) >= wall) after = middle;
    else before = middle;
  }
  return after;
}
