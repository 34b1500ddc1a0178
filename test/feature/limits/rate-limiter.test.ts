import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { loadConfig } from '../../../config/load.ts';
import { MetadataError, type MetadataStore } from '../../../storage/metadata/store.ts';
import { openMetadata } from '../../../src/assembly/metadata-store.ts';
import { type RateLimiter, createRateLimiter } from '../../../src/limits/rate-limiter.ts';
import { type TestBerth, startBerth } from '../../support/berth.ts';

let berth: TestBerth;
let stores: readonly MetadataStore[];
let time: number;
let failures: unknown[];
let writes: number;

/** Of each test another one. */
let client = 0;

beforeAll(async () => {
  berth = await startBerth();
  const config = loadConfig({ environment: berth.environment });
  stores = [await openMetadata(config), await openMetadata(config)];
});
beforeEach(() => {
  [time, failures, writes] = [1_800_000_000_000, [], 0];
  client++;
});
afterAll(async () => {
  await Promise.all(stores.map((store) => store.close()));
  await berth.close();
});

/** A limiter as one process has it, over one of two connections to the same database. */
function limiterOn(index: number, clockDifference = 0): RateLimiter {
  const store = stores[index % 2];
  if (!store) throw new Error('no store');
  const rateWindows: MetadataStore['rateWindows'] = {
    ...store.rateWindows,
    take(...args) {
      writes++;
      return store.rateWindows.take(...args);
    },
  };
  const onFailure = (error: unknown) => void failures.push(error);
  return createRateLimiter({ metadata: { rateWindows }, now: () => time + clockDifference, onFailure });
}

/** Sends `count` requests, one after the other, to the limiters in the order of `turns`; returns how many were allowed. */
async function send(limiters: readonly RateLimiter[], turns: readonly number[], count: number, limit: number) {
  let allowed = 0;
  for (let sent = 0; sent < count; sent++) {
    const limiter = limiters[turns[sent % turns.length] ?? 0];
    if ((await limiter?.take(`pulls account:${client}`, { count: limit, seconds: 60 }))?.isAllowed === true) allowed++;
  }
  return allowed;
}

const processes = () => [limiterOn(0), limiterOn(0), limiterOn(1), limiterOn(1)];

test.each([
  ['evenly', [0, 1, 2, 3]],
  ['mostly to one process', [0, 1, 2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3]],
  ['to two processes of four', [0, 0, 3]],
])(
  'two replicas with two workers each allow at most the limit and at least 95 %% of it, with requests %s',
  async (_how, turns) => {
    const limiters = processes();
    const allowed = await send(limiters, turns, 1200, 1000);
    expect(failures).toEqual([]);
    expect(allowed).toBeLessThanOrEqual(1000);
    expect(allowed).toBeGreaterThanOrEqual(950);
    // Not a write for each request.
    expect(writes).toBeLessThan(400);
    time += 60_001;
    const again = await send(limiters, turns, 1200, 1000);
    expect(again).toBeLessThanOrEqual(1000);
    expect(again).toBeGreaterThanOrEqual(950);
  },
);

test('a client that leaves a process after one request loses no more than 1 % of its limit there', async () => {
  const [one, other] = [limiterOn(0), limiterOn(1)];
  expect(await send([one], [0], 1, 1000)).toBe(1);
  expect(await send([other], [0], 1500, 1000)).toBe(990);
});

test('requests that arrive at the same moment are counted exactly', async () => {
  const limiters = processes();
  const answers = await Promise.all(
    Array.from({ length: 500 }, async (_, index) =>
      limiters[index % 4]?.take(`requests address:${client}`, { count: 100, seconds: 1 }),
    ),
  );
  expect(answers.filter((answer) => answer?.isAllowed)).toHaveLength(100);
  expect(answers.find((answer) => answer?.isAllowed === false)).toEqual({ isAllowed: false, remaining: 0, resetSeconds: 1 });
});

test('the state says what is left and when the window ends, and showing it counts nothing', async () => {
  const rate = { count: 50, seconds: 600 };
  const [one, other] = [limiterOn(0), limiterOn(1)];
  expect(await one.show(`pulls account:${client}`, rate)).toEqual({ isAllowed: true, remaining: 50, resetSeconds: 600 });
  expect(await one.take(`pulls account:${client}`, rate)).toEqual({ isAllowed: true, remaining: 49, resetSeconds: 600 });
  time += 60_000;
  expect(await other.show(`pulls account:${client}`, rate)).toEqual({ isAllowed: true, remaining: 49, resetSeconds: 540 });
  expect(await other.take(`pulls account:${client}`, rate)).toEqual({ isAllowed: true, remaining: 48, resetSeconds: 540 });
});

test('a replica whose clock is some seconds behind does not begin a new window', async () => {
  expect(await send([limiterOn(0), limiterOn(1, -5_000)], [0, 1], 30, 10)).toBe(10);
});

test('a window that a clock far ahead has begun does not last', async () => {
  expect(await send([limiterOn(0, 3_600_000)], [0], 20, 10)).toBe(10);
  expect(await send([limiterOn(1)], [0], 20, 10)).toBe(10);
});

test('a window that a process began while its own clock was far ahead ends when the clock is set back', async () => {
  const limiter = limiterOn(0);
  time += 365 * 24 * 3_600_000;
  expect(await send([limiter], [0], 20, 10)).toBe(10);
  time -= 365 * 24 * 3_600_000;
  expect((await limiterOn(1).show(`pulls account:${client}`, { count: 10, seconds: 60 })).resetSeconds).toBe(60);
  expect(await send([limiter], [0], 20, 10)).toBe(10);
});

test('other clients and a lowered limit are counted on their own', async () => {
  const limiter = limiterOn(0);
  const of = (name: string, count: number) => limiter.take(name, { count, seconds: 60 });
  expect((await of(`pulls account:${client}`, 1)).isAllowed).toBe(true);
  expect((await of(`pulls account:${client}`, 1)).isAllowed).toBe(false);
  expect((await of(`pulls account:${client}b`, 1)).isAllowed).toBe(true);
  const next = limiterOn(1);
  expect((await next.take(`pulls account:${client}c`, { count: 3, seconds: 60 })).isAllowed).toBe(true);
  expect((await next.take(`pulls account:${client}c`, { count: 3, seconds: 60 })).isAllowed).toBe(true);
  expect((await limiterOn(0).take(`pulls account:${client}c`, { count: 2, seconds: 60 })).isAllowed).toBe(false);
});

test('while the store cannot be written every request is allowed, and afterwards limits hold again', async () => {
  const rateWindows = {
    take: () => Promise.reject(new MetadataError('unavailable', 'gone')),
    find: () => Promise.resolve(undefined),
  };
  let current = rateWindows as unknown as MetadataStore['rateWindows'];
  const limiter = createRateLimiter({
    metadata: {
      get rateWindows() {
        return current;
      },
    },
    now: () => time,
    onFailure: (error) => void failures.push(error),
  });
  expect(await send([limiter], [0], 20, 5)).toBe(20);
  expect(failures).toHaveLength(1);
  current = stores[0]?.rateWindows ?? current;
  time += 1_001;
  expect(await send([limiter], [0], 20, 5)).toBe(5);
});

test('a raised limit holds at once after a reset', async () => {
  const limiter = limiterOn(0);
  expect(await send([limiter], [0], 20, 10)).toBe(10);
  expect(await send([limiter], [0], 20, 15)).toBe(0);
  limiter.reset();
  expect(await send([limiter], [0], 20, 15)).toBe(5);
});

test('windows are deleted some time after their end', async () => {
  await send([limiterOn(0)], [0], 1, 10);
  await stores[0]?.rateWindows.forget(time);
  expect(await stores[0]?.rateWindows.find(`pulls account:${client}`, time)).toEqual({ used: 1, endsAt: time + 60_000 });
  await stores[0]?.rateWindows.forget(time + 60_001);
  expect(await stores[0]?.rateWindows.find(`pulls account:${client}`, time)).toBeUndefined();
});
