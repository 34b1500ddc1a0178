/**
 * Parses the time that a database shows for `CURRENT_TIMESTAMP` as text: `2026-07-15 12:00:00` (SQLite, in UTC) or
 * `2026-07-15 14:00:00.123+02` (PostgreSQL). Returns milliseconds since 1970. Throws for other texts.
 */
export function parseStoreClock(text: string): number {
  const [, date, time, zone = 'Z'] = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)([+-]\d\d(?::\d\d)?)?$/.exec(text) ?? [];
  const parsed = Date.parse(`${date ?? ''}T${time ?? ''}${zone.length === 3 ? `${zone}:00` : zone}`);
  if (Number.isNaN(parsed)) throw new Error(`the clock of the metadata store shows ${text}, which is no time`);
  return parsed;
}
