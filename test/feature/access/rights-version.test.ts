import { beforeEach, describe, expect, test } from '@jest/globals';
import { type RightsVersion, createRightsVersion } from '../../../src/access/permissions/rights-version.ts';
import { MetadataError, type MetadataStore } from '../../../storage/metadata/store.ts';

let now: number;
let epochInStore: number;
let asked: number;
let isDown: boolean;
let epoch: RightsVersion;
let loads: number;
beforeEach(() => {
  [now, epochInStore, asked, isDown, loads] = [1_000_000, 1, 0, false, 0];
  const rightsVersion = () => {
    asked++;
    return isDown ? Promise.reject(new MetadataError('unavailable', 'down')) : Promise.resolve(epochInStore);
  };
  epoch = createRightsVersion({ grants: { rightsVersion } } as unknown as MetadataStore, () => now);
});

/** What is cached under `key`: how often it was loaded until then. */
function read(cache: Map<string, Promise<number>>, key = 'key'): Promise<number> {
  return epoch.cached(cache, key, () => Promise.resolve(++loads));
}

describe('what is kept until rights change', () => {
  test('is loaded once, and the store is asked once a second', async () => {
    const cache = epoch.cache<number>();
    for (let count = 0; count < 100; count++) expect(await read(cache)).toBe(1);
    expect(asked).toBe(1);
    now += 1000;
    expect(await read(cache)).toBe(1);
    expect(asked).toBe(2);
  });

  test('is dropped, all of it, a second after a change elsewhere', async () => {
    const [one, other] = [epoch.cache<number>(), epoch.cache<number>()];
    expect([await read(one), await read(other)]).toEqual([1, 2]);
    epochInStore++;
    expect([await read(one), await read(other)]).toEqual([1, 2]);
    now += 1000;
    expect([await read(one), await read(other)]).toEqual([3, 4]);
  });

  test('is dropped at once where the change was made', async () => {
    const cache = epoch.cache<number>();
    await read(cache);
    epochInStore++;
    epoch.invalidate();
    expect(await read(cache)).toBe(2);
  });

  test('is asked for once by many at the same time', async () => {
    const cache = epoch.cache<number>();
    expect(await Promise.all([read(cache), read(cache), read(cache)])).toEqual([1, 1, 1]);
    expect(asked).toBe(1);
  });

  test('does not outlive a clock that is set back', async () => {
    const cache = epoch.cache<number>();
    await read(cache);
    epochInStore++;
    now -= 3_600_000;
    expect(await read(cache)).toBe(2);
  });

  test('a load that fails is tried again', async () => {
    const cache = epoch.cache<number>();
    await expect(epoch.cached(cache, 'key', () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(await read(cache)).toBe(1);
  });

  test('a store that does not answer is told, and nothing old is given in its place', async () => {
    const cache = epoch.cache<number>();
    await read(cache);
    isDown = true;
    now += 1000;
    await expect(read(cache)).rejects.toThrow('down');
    isDown = false;
    expect(await read(cache)).toBe(1);
  });
});
