import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createLeases } from '../../../src/coordination/leases.ts';
import { type Consumer, type EventHandler, createConsumer } from '../../../src/events/consumer.ts';
import { createConsumers } from '../../../src/events/consumers.ts';
import { createMetrics } from '../../../src/observability/metrics.ts';
import { createSqliteStore } from '../../../storage/metadata/sqlite/sqlite-store.ts';
import { MetadataError, type MetadataStore } from '../../../storage/metadata/store.ts';
import { gate, until } from '../../support/until.ts';
import { wrapOperations } from '../../support/wrapped-metadata.ts';

let directory: string;
let metadata: MetadataStore;
let clock: number;
let failures: unknown[];
let consumers: Consumer[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-consumer-'));
  metadata = await createSqliteStore({ file: join(directory, 'metadata.sqlite') });
  [clock, failures, consumers] = [0, [], []];
});
afterEach(async () => {
  for (const consumer of consumers) await consumer.close();
  await metadata.close();
  await rm(directory, { recursive: true });
});

/** Records events of these kinds, at the times 1000, 2000 … */
const record = (...kinds: readonly string[]) =>
  metadata.audit.record(
    kinds.map((action, index) => ({ at: 1000 * (index + 1), actor: '', address: '', action, target: '', result: 'done' })),
  );

interface Options {
  readonly batch?: number;
  readonly store?: MetadataStore;
  readonly isShared?: boolean;
  readonly repeatSeconds?: number;
}

/** Opens a consumer whose handler receives the kinds of each batch. */
async function open(
  handle: (kinds: readonly string[], ...rest: Parameters<EventHandler['handle']>) => Promise<void> | void,
  { batch = 10, store = metadata, isShared = false, repeatSeconds = 0 }: Options = {},
): Promise<Consumer> {
  const handler: EventHandler = {
    name: 'test',
    batch,
    isPrompt: true,
    repeatSeconds,
    handle: async (events, delivery) =>
      handle(
        events.map(({ kind }) => kind),
        events,
        delivery,
      ),
  };
  const consumer = createConsumer(handler, {
    metadata: store,
    leases: isShared ? createLeases({ metadata, now: () => clock }) : undefined,
    log: { error: (facts: unknown) => failures.push(facts) } as never,
    now: () => clock,
    monotonic: () => clock,
  });
  consumers.push(consumer);
  await consumer.open();
  return consumer;
}

test('a consumer gets every event since it was opened once, in order and in batches', async () => {
  await record('before');
  const batches: (readonly string[])[] = [];
  const consumer = await open((kinds) => void batches.push(kinds), { batch: 2 });
  await consumer.deliver();
  await record('a', 'b', 'c');
  await consumer.deliver();
  await record('d');
  await consumer.deliver();
  await consumer.deliver();
  expect(batches).toEqual([['a', 'b'], ['c'], ['d']]);
});

test('events that come while the handler works are delivered by the same call', async () => {
  const seen: string[] = [];
  const consumer = await open(async (kinds) => {
    seen.push(...kinds);
    if (kinds.includes('a')) {
      await record('b');
      void consumer.deliver();
    }
  });
  await record('a');
  await consumer.deliver();
  expect(seen).toEqual(['a', 'b']);
});

test('a failed batch comes again after a pause, which doubles with each failure, and nothing is skipped', async () => {
  const tries: string[] = [];
  let isBroken = true;
  const consumer = await open((kinds) => {
    tries.push(kinds.join());
    if (isBroken) throw new Error('no luck');
  });
  await record('a', 'b');
  for (const [time, count] of [
    [0, 1],
    [999, 1],
    [1000, 2],
    [2999, 2],
    [3000, 3],
  ] as const) {
    clock = time;
    await consumer.deliver();
    expect(tries).toHaveLength(count);
  }
  expect(failures).toMatchObject([{ consumer: 'test', failures: 1 }, { failures: 2 }, { failures: 3 }]);
  isBroken = false;
  await record('c');
  clock = 100_000;
  await consumer.deliver();
  expect(tries.slice(3)).toEqual(['a,b', 'c']);
  await record('d');
  await consumer.deliver();
  expect(tries.at(-1)).toBe('d');
});

test('a batch that was handled comes again if its position could not be stored', async () => {
  const seen: string[] = [];
  let isDown = true;
  const store = wrapOperations(metadata, (operation, id) =>
    id === 'events.advance' && isDown ? () => Promise.reject(new MetadataError('unavailable', 'down')) : operation,
  );
  const consumer = await open((kinds) => void seen.push(...kinds), { store });
  await record('a');
  await consumer.deliver();
  isDown = false;
  clock = 10_000;
  await consumer.deliver();
  expect(seen).toEqual(['a', 'a']);
});

test('a consumer that was closed goes on at its position when it is opened again', async () => {
  const seen: string[] = [];
  const first = await open((kinds) => void seen.push(...kinds));
  await record('a');
  await first.deliver();
  await first.close();
  await record('b');
  await first.deliver();
  const second = await open((kinds) => void seen.push(...kinds));
  await second.deliver();
  expect(seen).toEqual(['a', 'b']);
});

test('a consumer whose effects a power loss may undo gets the latest events again when it is opened', async () => {
  const seen: string[] = [];
  const first = await open((kinds) => void seen.push(...kinds));
  await record('a', 'b', 'c');
  await first.deliver();
  await first.close();
  clock = 4000;
  const second = await open((kinds) => void seen.push(...kinds), { repeatSeconds: 2 });
  await second.deliver();
  expect(seen).toEqual(['a', 'b', 'c', 'b', 'c']);
});

test('of several processes one delivers at a time, and another one goes on after it', async () => {
  const handling = gate();
  const seen: string[] = [];
  const one = await open(
    async (kinds) => {
      seen.push(`one ${kinds.join()}`);
      await handling.opened;
    },
    { isShared: true },
  );
  const other = await open((kinds) => void seen.push(`other ${kinds.join()}`), { isShared: true });
  await record('a');
  const delivered = one.deliver();
  await until(() => seen.length === 1);
  await other.deliver();
  handling.open();
  await delivered;
  await record('b');
  await other.deliver();
  expect(seen).toEqual(['one a', 'other b']);
});

test('a handler sees that its lease is over, and its position stays', async () => {
  const consumer = await open(
    (_kinds, _events, { assertHeld }) => {
      assertHeld();
      throw new Error('the lease is held');
    },
    { isShared: true },
  );
  const lost = createConsumer(
    {
      name: 'test',
      batch: 10,
      isPrompt: true,
      repeatSeconds: 0,
      handle: (_events, { assertHeld }) => Promise.resolve().then(assertHeld),
    },
    {
      metadata,
      leases: {
        take: () =>
          Promise.resolve({
            assertHeld: () => {
              throw new MetadataError('unavailable', 'the lease was lost');
            },
            release: () => Promise.resolve(),
            leave: () => undefined,
          }),
      },
      log: { error: ({ err }: { err: Error }) => failures.push(err.message) } as never,
      now: () => clock,
    },
  );
  await record('a');
  await lost.deliver();
  expect(failures).toEqual(['the lease was lost']);
  await consumer.deliver();
  expect(failures).toMatchObject([expect.anything(), { err: { message: 'the lease is held' } }]);
});

test('the lag is the age of the oldest event that waits, and a metric', async () => {
  const consumer = await open(() => undefined);
  const metrics = createMetrics();
  metrics.events.watch(createConsumers([consumer]).lags);
  expect(await metrics.text()).toContain('berth_events_lag_seconds{consumer="test"} 0');
  await record('a', 'b');
  clock = 31_000;
  expect(await metrics.text()).toContain('berth_events_lag_seconds{consumer="test"} 30');
  await consumer.deliver();
  expect(await consumer.lagSeconds()).toBe(0);
});

test('the lag has no value while the store does not answer, and the other metrics have theirs', async () => {
  const metrics = createMetrics();
  metrics.events.watch(() => Promise.reject(new MetadataError('unavailable', 'down')));
  const text = await metrics.text();
  expect(text).not.toContain('berth_events_lag_seconds{');
  expect(text).toContain('process_cpu_seconds_total');
});

test('closing delivers what waits, and no longer than its grace', async () => {
  const seen: string[] = [];
  const quick = await open((kinds) => void seen.push(...kinds));
  await record('a');
  await createConsumers([quick]).close(60);
  expect(seen).toEqual(['a']);
  const slow = await open((kinds, _events, { signal }) => {
    seen.push(...kinds);
    return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
  });
  await record('b');
  void slow.deliver();
  await until(() => seen.length === 2);
  await createConsumers([slow]).close(0);
  expect(seen).toEqual(['a', 'b']);
});

test('a consumer that closes while it reads events does not hand them over', async () => {
  const seen: string[] = [];
  const { opened: released, open: release } = gate();
  const { opened: reading, open: announce } = gate();
  const store = wrapOperations(metadata, (operation, id) =>
    id !== 'events.list'
      ? operation
      : async (...args) => {
          announce();
          await released;
          return operation(...args);
        },
  );
  const consumer = await open((kinds) => void seen.push(...kinds), { store });
  await record('a');
  void consumer.deliver();
  await reading;
  const closed = consumer.close();
  release();
  await closed;
  expect(seen).toEqual([]);
});
