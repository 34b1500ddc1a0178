/** The last millisecond of a year with four digits. */
const lastMillisecond = Date.parse('9999-12-31T23:59:59.999Z');

/** Formats milliseconds since 1970 as RFC 3339. Never throws: a time beyond the year 9999 is shown as its end. */
export function isoTime(milliseconds: number): string {
  return new Date(Math.min(milliseconds, lastMillisecond)).toISOString();
}
