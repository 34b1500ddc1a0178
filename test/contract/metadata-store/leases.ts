import { expect, test } from '@jest/globals';
import { type CurrentDatabase, race } from './fixtures.ts';

/** Tests leases. */
export function testLeases(current: CurrentDatabase): void {
  test('a lease has one holder until it is released or expires', async () => {
    expect([
      await current.store.leases.take('work', 'one', 100, 200),
      await current.store.leases.take('work', 'two', 150, 250),
      await current.store.leases.take('other work', 'two', 150, 250),
      await current.store.leases.take('work', 'one', 190, 290),
      await current.store.leases.take('work', 'two', 289, 389),
      await current.store.leases.take('work', 'two', 290, 390),
      await current.store.leases.take('work', 'one', 300, 400),
    ]).toEqual([true, false, true, true, false, true, false]);
    await current.store.leases.release('work', 'one');
    expect(await current.store.leases.take('work', 'one', 300, 400)).toBe(false);
    await current.store.leases.release('work', 'two');
    expect(await current.store.leases.take('work', 'one', 300, 400)).toBe(true);
    await current.store.leases.forget(400);
    expect([
      await current.store.leases.take('work', 'two', 0, 1),
      await current.store.leases.take('other work', 'one', 0, 1),
    ]).toEqual([false, true]);
  });

  test('the holder of a lease can leave a message for waiting processes', async () => {
    await current.store.leases.take('work', 'one', 100, 200, 'half');
    expect([
      await current.store.leases.find('work', 199),
      await current.store.leases.find('work', 200),
      await current.store.leases.find('other', 100),
    ]).toEqual([{ note: 'half' }, undefined, undefined]);
    await current.store.leases.take('work', 'one', 150, 250);
    expect(await current.store.leases.find('work', 150)).toEqual({ note: null });
  });

  test('the holder of a lease learns that it is wanted, and the next holder does not', async () => {
    await current.store.leases.take('work', 'one', 100, 200);
    expect(await current.store.leases.findState('work')).toEqual({ heldUntil: 200, wanted: false });
    await current.store.leases.request('work');
    await current.store.leases.take('work', 'one', 150, 250);
    expect(await current.store.leases.findState('work')).toEqual({ heldUntil: 250, wanted: true });
    await current.store.leases.take('work', 'two', 300, 400);
    expect([await current.store.leases.findState('work'), await current.store.leases.findState('other')]).toEqual([
      { heldUntil: 400, wanted: false },
      undefined,
    ]);
  });

  test('a lease can be taken before its end if its holder has not renewed it meanwhile', async () => {
    await current.store.leases.take('work', 'one', 4000, 5000);
    expect([
      await current.store.leases.take('work', 'two', 100, 200, null, 4999),
      await current.store.leases.take('work', 'two', 100, 200, null, 5000),
      await current.store.leases.findState('work'),
    ]).toEqual([false, true, { heldUntil: 200, wanted: false }]);
  });

  test('exactly one of many concurrent requests for a lease in two processes succeeds', () =>
    race(current, async (one, other, name) => {
      const takers = Array.from({ length: 8 }, (_, index) => (index % 2 === 0 ? one : other));
      const taken = await Promise.all(takers.map((taker, index) => taker.leases.take(name, `h${index}`, 1, 2)));
      expect(taken.filter(Boolean)).toHaveLength(1);
    }));
}
