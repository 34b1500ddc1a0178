/** The last millisecond of a year with four digits. */
const lastMillisecond = Date.parse('9999-12-31T23:59:59.999Z');

/** Formats milliseconds since 1970 as RFC 3339. Never throws: a time beyond the year 9999 is shown as its end. */
export function isoTime(milliseconds: number): string {
  const time = Math.trunc(Math.min(milliseconds, lastMillisecond));
  if (!(time >= 0)) return new Date(time).toISOString();
  const ofDay = time % dayMilliseconds;
  const minutes = Math.floor(ofDay / 60_000);
  const [hour, minute, second] = [Math.floor(minutes / 60), minutes % 60, Math.floor(ofDay / 1000) % 60];
  const fraction = String(ofDay % 1000).padStart(3, '0');
  return `${dateOf((time - ofDay) / dayMilliseconds)}T${twoDigits[hour]}:${twoDigits[minute]}:${twoDigits[second]}.${fraction}Z`;
}

const dayMilliseconds = 24 * 3600 * 1000;
const twoDigits = Array.from({ length: 60 }, (_, number) => String(number).padStart(2, '0'));

/** Dates so far, by days since 1970: the rows of a list repeat few, and `toISOString` takes longer than the rest of a cell. */
const dates = new Map<number, string>();
const maxDates = 2000;

function dateOf(day: number): string {
  let date = dates.get(day);
  if (date === undefined) {
    date = new Date(day * dayMilliseconds).toISOString().slice(0, 10);
    if (dates.size >= maxDates) dates.clear();
    dates.set(day, date);
  }
  return date;
}
