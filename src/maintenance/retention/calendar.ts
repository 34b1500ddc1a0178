/** Days of a time zone. Every instant belongs to one local day, also on days of 23 or 25 hours. */

export type CalendarUnit = 'daily' | 'weekly' | 'monthly' | 'yearly';

/** A day of the calendar; `month` and `day` begin with 1. */
export interface LocalDay {
  readonly year: number;
  readonly month: number;
  readonly day: number;
}

const millisecondsPerDay = 86_400_000;
const minutesPerDay = 1440;

/** The default. It needs no format, whose data takes 20 ms to load. */
const utc = 'UTC';

const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(timeZone: string): Intl.DateTimeFormat {
  let format = formats.get(timeZone);
  if (!format) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      calendar: 'iso8601',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    formats.set(timeZone, format);
  }
  return format;
}

export function isTimeZone(name: string): boolean {
  if (name === utc) return true;
  try {
    formatOf(name);
    return true;
  } catch {
    return false;
  }
}

/** Returns what the clocks of the time zone show at `instant` (milliseconds since 1970), as if that were UTC. */
function wallClock(instant: number, timeZone: string): number {
  if (timeZone === utc) return Math.floor(instant / 1000) * 1000;
  const parts = new Map(
    formatOf(timeZone)
      .formatToParts(instant)
      .map(({ type, value }) => [type as string, Number(value)]),
  );
  const part = (type: string) => parts.get(type) ?? 0;
  return Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'));
}

function toDay(wall: number): LocalDay {
  const date = new Date(wall);
  return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() };
}

/** Returns the bucket of the calendar that `instant` (milliseconds since 1970) belongs to. Equal texts are equal buckets. */
export function bucketOf(instant: number, unit: CalendarUnit, timeZone: string): string {
  const wall = wallClock(instant, timeZone);
  const { year, month, day } = toDay(wall);
  if (unit === 'yearly') return String(year);
  if (unit === 'monthly') return `${year}-${two(month)}`;
  if (unit === 'daily') return `${year}-${two(month)}-${two(day)}`;
  return isoWeek(wall);
}

/** Returns the week by ISO 8601: it begins on Monday and belongs to the year of its Thursday. */
function isoWeek(wall: number): string {
  const weekday = (new Date(wall).getUTCDay() + 6) % 7;
  const { year, month, day } = toDay(wall + (3 - weekday) * millisecondsPerDay);
  const dayOfYear = (Date.UTC(year, month - 1, day) - Date.UTC(year, 0, 1)) / millisecondsPerDay;
  return `${year}-W${two(Math.floor(dayOfYear / 7) + 1)}`;
}

function two(number: number): string {
  return String(number).padStart(2, '0');
}

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
