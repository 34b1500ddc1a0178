import { describe, expect, test } from '@jest/globals';
import { bucketOf } from '../../../src/maintenance/retention/calendar.ts';
import { lastTimeOfDay, nextTimeOfDay, parseTimeOfDay } from '../../../src/maintenance/retention/time-of-day.ts';
import { isTimeZone } from '../../../src/maintenance/retention/time-zone.ts';

const hour = 3_600_000;
const minute = 60_000;

describe('Runs and calendar buckets happen once on 23 h and 25 h days', () => {
  // The first day of each pair has 23 hours (Lord Howe: 23.5), the second one 25 (24.5).
  const changes = [
    ['Europe/Berlin', '2026-03-29', '2026-10-25'],
    ['America/New_York', '2026-03-08', '2026-11-01'],
    ['Australia/Lord_Howe', '2026-10-04', '2026-04-05'],
  ] as const;
  const days = changes.flatMap(([zone, short, long]) => [[zone, short] as const, [zone, long] as const]);

  test.each(days)('in %s around %s a run at any time of day happens once on each day', (zone, day) => {
    const noon = Date.parse(`${day}T12:00:00Z`);
    for (const time of ['00:00', '01:30', '02:00', '02:30', '03:00', '23:59']) {
      const minutes = parseTimeOfDay(time) ?? 0;
      const runs = new Set<number>();
      for (let now = noon - 48 * hour; now <= noon + 48 * hour; now += 30 * minute) {
        const last = lastTimeOfDay(now, minutes, zone);
        expect(last).toBeLessThanOrEqual(now);
        runs.add(last);
      }
      const daysOfRuns = [...runs].map((run) => bucketOf(run, 'daily', zone));
      expect(new Set(daysOfRuns).size).toBe(runs.size);
      expect([5, 6]).toContain(runs.size);
    }
  });

  test.each(days)('in %s around %s the next run is the last one of the moment when it is due', (zone, day) => {
    const noon = Date.parse(`${day}T12:00:00Z`);
    for (let now = noon - 36 * hour; now <= noon + 36 * hour; now += 31 * minute) {
      const next = nextTimeOfDay(now, 150, zone);
      expect(next).toBeGreaterThan(now);
      expect(lastTimeOfDay(next, 150, zone)).toBe(next);
      expect(lastTimeOfDay(next - 1, 150, zone)).toBeLessThanOrEqual(now);
    }
  });

  test.each(days)('in %s all hours around %s are in the buckets of their days', (zone, day) => {
    const noon = Date.parse(`${day}T12:00:00Z`);
    const buckets: string[] = [];
    for (let now = noon - 36 * hour; now <= noon + 36 * hour; now += 30 * minute) {
      const bucket = bucketOf(now, 'daily', zone);
      if (buckets.at(-1) !== bucket) buckets.push(bucket);
    }
    expect(buckets).toEqual([...new Set(buckets)].sort());
    expect(buckets).toContain(day);
  });

  test('a time that the clocks skip is due at the change, and one that they show twice is due the first time', () => {
    const at = (now: string, time: string) =>
      new Date(lastTimeOfDay(Date.parse(now), parseTimeOfDay(time) ?? 0, 'Europe/Berlin')).toISOString();
    expect(at('2026-03-29T12:00:00Z', '02:30')).toBe('2026-03-29T01:00:00.000Z');
    expect(at('2026-10-25T12:00:00Z', '02:30')).toBe('2026-10-25T00:30:00.000Z');
  });
});

describe('calendar buckets', () => {
  test.each([
    ['2026-01-01T00:00:00Z', 'UTC', '2026-01-01', '2026-W01', '2026-01', '2026'],
    ['2026-12-31T23:30:00Z', 'Europe/Berlin', '2027-01-01', '2026-W53', '2027-01', '2027'],
    ['2024-12-30T12:00:00Z', 'UTC', '2024-12-30', '2025-W01', '2024-12', '2024'],
    ['2027-01-03T12:00:00Z', 'Asia/Kathmandu', '2027-01-03', '2026-W53', '2027-01', '2027'],
  ])('%s in %s', (time, zone, ...expected) => {
    const units = ['daily', 'weekly', 'monthly', 'yearly'] as const;
    expect(units.map((unit) => bucketOf(Date.parse(time), unit, zone))).toEqual(expected);
  });

  test('names of time zones and times of day are checked', () => {
    expect(['UTC', 'Europe/Berlin', 'Europe/Nowhere', ''].map(isTimeZone)).toEqual([true, true, false, false]);
    expect(['03:00', '3:05', '24:00', '12:60', '3', 'noon'].map(parseTimeOfDay)).toEqual([
      180,
      185,
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });
});
