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

describe('a cache of rights', () => {
  test('is loaded once, and the store is queried once a second', async () => {
    const cache = epoch.cache<number>();
    for (let count = 0; count < 100; count++) expect(await read(cache)).toBe(1);
    expect(asked).toBe(1);
    now += 1000;
    expect(await read(cache)).toBe(1);
    expect(asked).toBe(2);
  });

  test('is dropped one second after a change in another process', async () => {
    const [one, other] = [epoch.cache<number>(), epoch.cache<number>()];
    expect([await read(one), await read(other)]).toEqual([1, 2]);
    epochInStore++;
    expect([await read(one), await read(other)]).toEqual([1, 2]);
    now += 1000;
    expect([await read(one), await read(other)]).toEqual([3, 4]);
  });

  test('is dropped at once in the process of the change', async () => {
    const cache = epoch.cache<number>();
    await read(cache);
    epochInStore++;
    epoch.invalidate();
    expect(await read(cache)).toBe(2);
  });

  test('is loaded once for concurrent requests', async () => {
    const cache = epoch.cache<number>();
    expect(await Promise.all([read(cache), read(cache), read(cache)])).toEqual([1, 1, 1]);
    expect(asked).toBe(1);
  });

  test('is dropped when the clock is set back', async () => {
    const cache = epoch.cache<number>();
    await read(cache);
    epochInStore++;
    now -= 3_600_000;
    expect(await read(cache)).toBe(2);
  });

  test('is loaded again after a failed load', async () => {
    const cache = epoch.cache<number>();
    await expect(epoch.cached(cache, 'key', () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(await read(cache)).toBe(1);
  });

  test('reports a store that does not answer, and returns no old rights', async () => {
    const cache = epoch.cache<number>();
    await read(cache);
    isDown = true;
    now += 1000;
    await expect(read(cache)).rejects.toThrow('down');
    isDown = false;
    expect(await read(cache)).toBe(1);
  });
});
