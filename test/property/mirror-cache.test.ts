import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createCacheModel, createPlainModel, farmTrace } from '../support/cache-model.ts';

const maxBytes = 1000;
const sizeBytes = fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 0, max: 100 }) }, fc.integer({ min: 0, max: 1200 }));
const pulls = fc.array(sizeBytes, { minLength: 1, maxLength: 60 }).chain((sizes) =>
  fc.array(
    fc.nat(sizes.length - 1).map((index) => ({ name: `blob-${index}`, sizeBytes: sizes[index] ?? 0 })),
    { maxLength: 300 },
  ),
);

test('the cache never exceeds its size', () => {
  fc.assert(
    fc.property(pulls, (sequence) => {
      const cache = createCacheModel(maxBytes);
      for (const pull of sequence) {
        cache.pull(pull);
        expect(cache.contentBytes).toBeLessThanOrEqual(maxBytes);
      }
    }),
  );
});

test('content that is used once does not evict content that was used again', () => {
  fc.assert(
    fc.property(pulls, fc.array(fc.integer({ min: 1, max: 100 }), { maxLength: 300 }), (sequence, flood) => {
      const cache = createCacheModel(maxBytes);
      for (const pull of sequence) cache.pull(pull);
      const favourites = sequence.filter(({ name }) => cache.has(name)).slice(-3);
      for (const favourite of favourites) cache.pull(favourite);
      const isWithinShare = cache.protectedBytes <= maxBytes * 0.6;
      const there = favourites.filter(({ name }) => cache.has(name));
      for (const [index, bytes] of flood.entries()) cache.pull({ name: `once-${index}`, sizeBytes: bytes });
      for (const { name } of isWithinShare ? there : []) expect(cache.has(name)).toBe(true);
    }),
  );
});

test('a huge blob evicts nothing at its first request, and is kept at its second', () => {
  const cache = createCacheModel(maxBytes);
  const early = { name: 'early', sizeBytes: 500 };
  cache.pull(early);
  expect(cache.has('early')).toBe(true);
  const small = Array.from({ length: 8 }, (_, index) => ({ name: `small-${index}`, sizeBytes: 100 }));
  for (const pull of small) cache.pull(pull);
  const huge = { name: 'huge', sizeBytes: 500 };
  cache.pull(huge);
  expect(small.filter(({ name }) => !cache.has(name))).toEqual([]);
  cache.pull(huge);
  expect(cache.has('huge')).toBe(true);
});

/** Part of the bytes asked for that were there. */
function hitRatio(cache: { pull(pull: { name: string; sizeBytes: number }): boolean }, onceUsed: number): number {
  let [hit, all] = [0, 0];
  for (const pull of farmTrace(20_000, onceUsed, 1)) {
    all += pull.sizeBytes;
    if (cache.pull(pull)) hit += pull.sizeBytes;
  }
  return hit / all;
}

test.each([0.01, 0.1, 0.3, 0.5])(
  'the cache hits more than plain LRU where the share %d of all pulls is used once',
  (onceUsed) => {
    const size = 4 * 1024 ** 3;
    const [ours, plain] = [hitRatio(createCacheModel(size), onceUsed), hitRatio(createPlainModel(size), onceUsed)];
    expect(ours).toBeGreaterThan(plain);
  },
);
