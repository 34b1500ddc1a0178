import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type ObjectKey, objectKey } from '../../../storage/blobs/driver.ts';
import { type CurrentStore, collect } from './fixtures.ts';

/** Tests the listing of objects. */
export function testListings(current: CurrentStore): void {
  test('list is in ascending order of bytes, begins after startAfter, and stays within the prefix', async () => {
    current.left = ['a', 'a-b', 'a.c', 'ab/x', 'b/0/1', 'b/0-1', 'b/Z', 'c'].map(objectKey);
    for (const key of current.left) await current.driver.put(key as ObjectKey, new Uint8Array());
    const sorted = [...current.left].sort();
    expect(await collect(current.driver.list(''))).toEqual(sorted);
    for (const after of ['a', 'a-', 'b/0', 'b/0/1', 'b/', 'zzz']) {
      expect(await collect(current.driver.list('', { startAfter: after }))).toEqual(sorted.filter((key) => key > after));
    }
    for (const prefix of ['a', 'b/', 'b/0', 'x'])
      expect(await collect(current.driver.list(prefix))).toEqual(sorted.filter((key) => key.startsWith(prefix)));
  });

  test('list agrees with a sorted array of any keys', async () => {
    const part = fc.stringMatching(/^[a-c.-]{1,3}$/).filter((text) => text !== '.' && text !== '..');
    const key = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
    let round = 0;
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(key, { maxLength: 12 }), key, async (keys, last) => {
        const folder = `round${round++}/`;
        const after = folder + last;
        // No key is also the folder of another one.
        const objects = keys
          .filter((one) => !keys.some((other) => other.startsWith(`${one}/`)))
          .map((one) => objectKey(folder + one));
        for (const object of objects) await current.driver.put(object, new Uint8Array());
        expect(await collect(current.driver.list(folder, { startAfter: after }))).toEqual(
          [...objects].sort().filter((one) => one > after),
        );
        await current.driver.delete(objects);
      }),
      { numRuns: 30 },
    );
  }, 120_000);

  test('list during puts and deletes returns every object that was there all the time once and in order', async () => {
    const lasting = Array.from({ length: 20 }, (_, index) => objectKey(`many/${index}/x`));
    const passing = Array.from({ length: 20 }, (_, index) => objectKey(`many/${index}-/y`));
    current.left = lasting;
    for (const key of lasting) await current.driver.put(key, new Uint8Array());
    const changing = (async () => {
      for (const key of passing) await current.driver.put(key, new Uint8Array());
      await current.driver.delete(passing);
    })();
    for (let turn = 0; turn < 5; turn++) {
      const found = await collect(current.driver.list('many/'));
      expect(found).toEqual([...new Set(found)].sort());
      expect(found.filter((key) => key.endsWith('/x'))).toEqual([...lasting].sort());
    }
    await changing;
  });

  test('listEntries has the size and time of each object, begins after startAfter, and stays within the prefix', async () => {
    current.left = ['a', 'b/0-1', 'b/0/1', 'c'].map(objectKey);
    for (const [index, key] of current.left.entries()) await current.driver.put(key as ObjectKey, new Uint8Array(index));
    const entries = await collect(current.driver.listEntries(''));
    expect(entries.map(({ path, kind, sizeBytes }) => [path, kind, sizeBytes])).toEqual(
      current.left.map((path, index) => [path, 'object', index]),
    );
    const { modifiedAt } = await current.driver.stat(objectKey('c'));
    // A server may tell whole seconds in one of the two.
    expect(Math.abs(Number(entries[3]?.modifiedAt) - modifiedAt.getTime())).toBeLessThan(1000);
    const paths = async (prefix: string, startAfter: string) =>
      (await collect(current.driver.listEntries(prefix, { startAfter }))).map(({ path }) => path);
    expect(await paths('b/', '')).toEqual(['b/0-1', 'b/0/1']);
    expect(await paths('', 'b/0-1')).toEqual(['b/0/1', 'c']);
    expect(await paths('x', '')).toEqual([]);
  });
}
