import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { StorageError, objectKey } from '../../storage/blobs/driver.ts';
import { testAppends, testCommits } from './blob-driver/appenders.ts';
import { type CurrentStore, type Store, a, bytes, code, collect } from './blob-driver/fixtures.ts';
import { testListings } from './blob-driver/listings.ts';
import { expectMapBehaviour } from './blob-driver/model.ts';
import { testMovesAndDeletions, testObjects } from './blob-driver/objects.ts';

/** Every sentence of `storage/blobs/driver.ts`, for one driver. */
export function describeBlobDriver(name: string, make: () => Promise<Store>): void {
  describe(`blob driver ${name}`, () => {
    const current = {} as CurrentStore;

    beforeEach(async () => {
      const store = await make();
      Object.assign(current, { store, driver: store.driver, left: [] });
    });
    afterEach(async () => {
      const fresh = await current.store.reopen();
      const keys = await collect(fresh.list(''));
      const partial: string[] = [];
      for await (const { key } of fresh.listPartial()) partial.push(key);
      await fresh.close();
      await current.driver.close();
      await current.store.dispose();
      expect({ keys, partial }).toEqual({ keys: [...current.left].sort(), partial: [] });
    });

    testObjects(current);
    testMovesAndDeletions(current);
    testAppends(current);
    testCommits(current);
    testListings(current);

    test('any sequence of operations leaves the content of a map', () => expectMapBehaviour(current.driver), 120_000);

    test('every call of a closed driver rejects closed', async () => {
      const other = await current.store.reopen();
      await other.check();
      await other.close();
      await other.close();
      expect([await code(other.stat(a)), await code(other.put(a, bytes)), await code(other.check())]).toEqual([
        'closed',
        'closed',
        'closed',
      ]);
    });
  });
}

/** The keys' grammar is the contract's too. */
export function describeObjectKeys(): void {
  describe('object keys', () => {
    test.each(['', '/', 'a/', '/a', 'a//b', '.', '..', 'a/../b', 'a/./b', 'a b', 'ä', 'a\0', 'a\\b', 'x'.repeat(1025)])(
      '%j is not a key',
      (text) => {
        expect(() => objectKey(text)).toThrow(StorageError);
      },
    );
    test.each(['a', '...', 'a/.b', 'A-._/9', 'x'.repeat(1024)])('%j is a key', (text) => {
      expect(objectKey(text)).toBe(text);
    });
  });
}
