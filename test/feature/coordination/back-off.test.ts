import { expect, test } from '@jest/globals';
import { type RetryOptions, pauseAfter, retry, spread } from '../../../storage/back-off.ts';

/**
 * Runs `retry` on a clock of its own over an attempt that fails with the errors in turn. Resolves to the outcome and the
 * pauses.
 */
async function retried(errors: readonly Error[], limits: Pick<RetryOptions, 'maxTries' | 'maxMilliseconds'>) {
  const left = [...errors];
  const slept: number[] = [];
  let time = 0;
  const outcome = await retry(
    () => {
      const error = left.shift();
      return error ? Promise.reject(error) : Promise.resolve('done');
    },
    {
      isRetryable: (error) => (error as Error).message === 'busy',
      pauses: { first: 10, longest: 40 },
      monotonic: () => time,
      sleep(milliseconds) {
        slept.push(milliseconds);
        time += milliseconds;
        return Promise.resolve();
      },
      ...limits,
    },
  ).catch((error: unknown) => (error as Error).message);
  return { outcome, slept, triesLeft: left.length };
}

const busy = (times: number) => Array.from({ length: times }, () => new Error('busy'));

test('pauses double up to the longest one', () => {
  expect([1, 2, 3, 4, 9].map((failures) => pauseAfter(failures, { first: 10, longest: 50 }))).toEqual([10, 20, 40, 50, 50]);
  expect(pauseAfter(0, { first: 10, longest: 50 })).toBe(10);
});

test('a spread pause is at least half of the pause and never longer', () => {
  const parts = Array.from({ length: 1000 }, () => spread(100));
  expect([Math.min(...parts) >= 50, Math.max(...parts) <= 100]).toEqual([true, true]);
});

test('an attempt is repeated until it succeeds, with growing pauses', async () => {
  const { outcome, slept } = await retried(busy(4), {});
  expect([outcome, slept.length]).toEqual(['done', 4]);
  for (const [index, longest] of [10, 20, 40, 40].entries()) {
    expect(slept[index]).toBeGreaterThanOrEqual(longest / 2);
    expect(slept[index]).toBeLessThanOrEqual(longest);
  }
});

test('an error that no further try can change is thrown at once', async () => {
  expect(await retried([new Error('denied')], {})).toEqual({ outcome: 'denied', slept: [], triesLeft: 0 });
});

test('the last error is thrown after the largest number of tries', async () => {
  const { outcome, slept, triesLeft } = await retried(busy(10), { maxTries: 3 });
  expect([outcome, slept.length, triesLeft]).toEqual(['busy', 2, 7]);
});

test('no try begins after the time limit', async () => {
  const { outcome, slept } = await retried(busy(100), { maxMilliseconds: 100 });
  expect(outcome).toBe('busy');
  expect(slept.reduce((sum, pause) => sum + pause, 0)).toBeLessThanOrEqual(100);
  expect(slept.length).toBeGreaterThanOrEqual(3);
});
