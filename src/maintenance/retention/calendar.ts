import { millisecondsPerDay } from './time-of-day.ts';
import { wallClock } from './time-zone.ts';

/** Days of a time zone. Every instant belongs to one local day, also on days of 23 or 25 hours. */

export type CalendarUnit = 'daily' | 'weekly' | 'monthly' | 'yearly';

/** A day of the calendar; `month` and `day` begin with 1. */
export interface LocalDay {
  readonly year: number;
  readonly month: number;
  readonly day: number;
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
