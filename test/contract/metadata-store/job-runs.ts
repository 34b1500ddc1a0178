import { expect, test } from '@jest/globals';
import type { CurrentDatabase } from './fixtures.ts';

/** What a store promises about the last runs of scheduled jobs. */
export function testJobRuns(current: CurrentDatabase): void {
  const record = (name: string, endedAt: number, error?: string) =>
    current.store.jobRuns.record({ name, endedAt, milliseconds: Math.floor(endedAt / 10), error });

  test('the last run of each job is listed by name, with its duration', async () => {
    expect(await current.store.jobRuns.list()).toEqual([]);
    await record('verify', 1_700_000_000_000);
    await record('backup', 20);
    await record('backup', 30);
    expect(await current.store.jobRuns.list()).toEqual([
      { name: 'backup', endedAt: 30, milliseconds: 3, failedAt: null, error: '' },
      { name: 'verify', endedAt: 1_700_000_000_000, milliseconds: 170_000_000_000, failedAt: null, error: '' },
    ]);
  });

  test('the last failure of a job stays after a run that succeeds, until the next one', async () => {
    const last = async () => (await current.store.jobRuns.list()).at(0);
    await record('backup', 10, 'the bucket is full');
    expect(await last()).toMatchObject({ endedAt: 10, failedAt: 10, error: 'the bucket is full' });
    await record('backup', 20);
    expect(await last()).toMatchObject({ endedAt: 20, failedAt: 10, error: 'the bucket is full' });
    await record('backup', 30, 'the bucket is away');
    expect(await last()).toMatchObject({ endedAt: 30, failedAt: 30, error: 'the bucket is away' });
  });

  test('runs that several processes record at once all count', async () => {
    const names = Array.from({ length: 20 }, (_, index) => `job-${String(index).padStart(2, '0')}`);
    await Promise.all(names.map((name, index) => record(name, index + 10)));
    expect((await current.store.jobRuns.list()).map(({ name }) => name)).toEqual(names);
  });
}
