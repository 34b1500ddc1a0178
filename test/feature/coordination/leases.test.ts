import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type LeaseContender, type Leases, createLeases } from '../../../src/coordination/leases.ts';
import { takeAbandonedLease } from '../../../src/coordination/lease-wait.ts';
import { notBefore, onOneReplica } from '../../../src/coordination/interval.ts';
import { createSqliteStore } from '../../../storage/metadata/sqlite/sqlite-store.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { until } from '../../support/until.ts';

let directory: string;
let metadata: MetadataStore;
let time: number;
let one: Leases;
let other: Leases;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-leases-'));
  metadata = await createSqliteStore({ file: join(directory, 'metadata.sqlite') });
  time = 1_000_000;
  const now = () => time;
  [one, other] = [createLeases({ metadata, now }), createLeases({ metadata, now })];
});
afterEach(async () => {
  await metadata.close();
  await rm(directory, { recursive: true });
});

test('a lease has one holder at a time, also within a process', async () => {
  const lease = await one.take('x');
  expect([await one.take('x'), await other.take('x')]).toEqual([undefined, undefined]);
  lease?.assertHeld();
  await lease?.release();
  const next = await other.take('x');
  next?.assertHeld();
  await lease?.release(); // once more: it is not ours any longer
  expect(await one.take('x')).toBeUndefined();
  await next?.release();
});

test('a lease is renewed while its holder runs', async () => {
  let renewals = -1;
  const take: MetadataStore['leases']['take'] = async (...asked) => {
    const taken = await metadata.leases.take(...asked);
    renewals++;
    return taken;
  };
  const counting = { ...metadata, leases: { ...metadata.leases, take } };
  const lease = await createLeases({ metadata: counting, now: () => time }).take('x', { milliseconds: 400 });
  time += 399;
  await until(() => renewals > 0);
  time += 399;
  expect(await other.take('x')).toBeUndefined();
  await lease?.release();
});

test('a holder that renews too late learns that it lost the lease, and cannot take it back', async () => {
  const lease = await one.take('x', { milliseconds: 200 });
  time += 200;
  const next = await other.take('x', { milliseconds: 60_000 });
  next?.assertHeld();
  await until(() => {
    try {
      lease?.assertHeld();
      return false;
    } catch (error) {
      expect(error).toMatchObject({ code: 'unavailable' });
      return true;
    }
  });
  await lease?.release();
  expect(await one.take('x')).toBeUndefined();
  await next?.release();
});

describe('when the clock is set back by an hour', () => {
  let elapsed: number;
  let waiting: LeaseContender;
  beforeEach(() => {
    elapsed = 0;
    waiting = createLeases({ metadata, now: () => time, monotonic: () => elapsed }).contend('x', { milliseconds: 10_000 });
  });

  test('the lease of a dead process can be taken when its length has passed', async () => {
    const dead = await one.take('x', { milliseconds: 10_000 });
    dead?.leave();
    time -= 3_600_000;
    expect(await waiting.take()).toBeUndefined();
    elapsed += 9_999;
    expect([await waiting.isHeld(), await waiting.take()]).toEqual([true, undefined]);
    elapsed += 2;
    expect(await waiting.isHeld()).toBe(false);
    const lease = await waiting.take();
    lease?.assertHeld();
    expect(await other.take('x')).toBeUndefined();
    await lease?.release();
  });

  test('a process that renews its lease keeps it', async () => {
    await metadata.leases.take('x', 'living', time, time + 10_000);
    time -= 3_600_000;
    for (let turn = 0; turn < 3; turn++) {
      expect(await waiting.take()).toBeUndefined();
      elapsed += 7_500;
      time += 7_500;
      await metadata.leases.take('x', 'living', time, time + 10_000);
    }
  });
});

test('a scheduled job runs again within two intervals after a clock that was a year ahead is set back', async () => {
  let elapsed = 0;
  let runs = 0;
  const restarted = createLeases({ metadata, now: () => time, monotonic: () => elapsed });
  const work = onOneReplica(restarted, 'yearly', 10, () => {
    runs++;
    return Promise.resolve();
  });
  time += 365 * 24 * 3_600_000;
  await work();
  time -= 365 * 24 * 3_600_000;
  for (let turn = 0; turn < 3; turn++) {
    await work();
    elapsed += 10_000;
    time += 10_000;
  }
  expect(runs).toBe(3);
});

test('the holder of a lease learns once that another process waits for it', async () => {
  let calls = 0;
  const lease = await one.take('x', { milliseconds: 200, onWanted: () => calls++ });
  const waiting = other.contend('x');
  expect([await waiting.take(), calls]).toEqual([undefined, 0]);
  await waiting.request();
  await until(() => calls === 1);
  await lease?.release();
  expect(await waiting.isHeld()).toBe(false);
});

test('a scheduled job runs once per interval among all processes, and another process takes over when its process is gone', async () => {
  const done: string[] = [];
  const work = (leases: Leases, name: string) =>
    onOneReplica(leases, 'work', 10, () => {
      done.push(name);
      return Promise.resolve();
    });
  const [first, second] = [work(one, 'one'), work(other, 'other')];
  await Promise.all([first(), second(), first(), second()]);
  expect(done).toHaveLength(1);
  time += 5_000;
  await second();
  expect(done).toHaveLength(1);
  time += 5_000;
  await second();
  expect(done.slice(1)).toEqual(['other']);
});

test('a rare job runs in the first process, and in no other one during its interval', async () => {
  const done: string[] = [];
  const work = (leases: Leases, name: string) =>
    notBefore(leases, 'rare work', 3600, () => {
      done.push(name);
      return Promise.resolve();
    });
  const [first, second] = [work(one, 'one'), work(other, 'other')];
  for (const wait of [0, 60_000, 3_480_000]) {
    time += wait;
    await first();
    await second();
  }
  expect(done).toEqual(['one']);
  time += 60_000;
  await second();
  expect(done).toEqual(['one', 'other']);
});

test('a process that waits for the lease of a killed one says until when, and gets it then', async () => {
  await metadata.leases.take('x', 'killed', time, time + 10_000);
  const waits: number[] = [];
  const pause = () => Promise.resolve((time += 250));
  const lease = await takeAbandonedLease('x', { leases: other, metadata, onWait: (until) => waits.push(until), pause });
  expect([waits, time]).toEqual([[1_010_000], 1_010_000]);
  await lease?.release();
});

test('a process that waits for a lease stops as soon as the holder renews it', async () => {
  await metadata.leases.take('x', 'alive', time, time + 10_000);
  const pause = () => metadata.leases.take('x', 'alive', time, (time += 250) + 10_000);
  const lease = await takeAbandonedLease('x', { leases: other, metadata, onWait: () => undefined, pause });
  expect([lease, time]).toEqual([undefined, 1_000_250]);
});
