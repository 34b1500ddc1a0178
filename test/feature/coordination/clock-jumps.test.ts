import { beforeEach, expect, test } from '@jest/globals';
import type { BlobDriver } from '../../../storage/blobs/driver.ts';
import { createThrottle } from '../../../src/access/credentials/throttle.ts';
import { createLayerSharers } from '../../../src/catalog/layer-sharers.ts';
import { createJwks } from '../../../src/access/federation/jwks.ts';
import { createExistenceCache } from '../../../src/content/existence-cache.ts';
import { isBefore, isRecent } from '../../../src/coordination/recent.ts';
import { createNegativeCache } from '../../../src/mirror/remote/negative-cache.ts';
import type { Digest } from '../../../src/oci/digest.ts';
import { createBreaker } from '../../../src/upstream/breaker.ts';
import { createRateLimits } from '../../../src/upstream/rate-limit.ts';
import { UpstreamError } from '../../../src/upstream/upstream-error.ts';
import { digestOf } from '../../support/images.ts';

const [hour, year] = [3_600_000, 365 * 24 * 3_600_000];

let time = 0;
const now = () => time;
beforeEach(() => {
  time = 1_800_000_000_000;
});

test('what lies in the future is recent only as far as clocks of replicas differ', () => {
  expect([0, 59, 60].map((age) => isRecent(time - age, 60, time))).toEqual([true, true, false]);
  expect([1_000, hour, year].map((ahead) => isRecent(time + ahead, 60, time))).toEqual([true, false, false]);
  expect([1, 0, -1].map((left) => isBefore(time + left, 1000, time))).toEqual([true, false, false]);
  expect(isBefore(time + year, 1000, time)).toBe(false);
});

test.each([hour, year])('wrong passwords are forgotten as fast as ever after a clock was set back by %d ms', (jump) => {
  const throttle = createThrottle(now);
  for (let count = 0; count < 12; count++) throttle.recordAttempt('alice', '10.0.0.1');
  time -= jump;
  expect(throttle.waitSeconds('alice', '10.0.0.1', false)).toBe(30);
  time += 120_000;
  expect(throttle.waitSeconds('alice', '10.0.0.1', false)).toBe(0);
});

const notFound = () => Promise.reject(new UpstreamError('not_found', 'not found'));
const unreachable = () => Promise.reject(new UpstreamError('unreachable', 'no connection'));

/** What a part refuses or believes for a time: begins it, and returns what tells whether it still does. */
const parts: readonly (readonly [string, () => Promise<() => Promise<boolean>>])[] = [
  [
    'an absence at an upstream',
    async () => {
      const cache = createNegativeCache(now);
      await cache.remember('x', 60, notFound).catch(() => undefined);
      return () =>
        Promise.resolve()
          .then(() => cache.check('x'))
          .then(
            () => false,
            () => true,
          );
    },
  ],
  [
    'the pause of an upstream that fails',
    async () => {
      const breaker = createBreaker({ now, random: () => 0 });
      for (let failure = 0; failure < 20; failure++) await breaker.guard(unreachable, `${failure}`).catch(() => undefined);
      return () => Promise.resolve(breaker.isOpen);
    },
  ],
  [
    'the used up limit of an upstream',
    () => {
      const limits = createRateLimits(now);
      limits.observe('docker.io', '', { 'ratelimit-limit': '100;w=3600', 'ratelimit-remaining': '1;w=3600' });
      return Promise.resolve(() => Promise.resolve(limits.isScarce('docker.io', '')));
    },
  ],
  [
    'stored bytes that were seen',
    async () => {
      let isThere = true;
      const stat = () => (isThere ? Promise.resolve({ sizeBytes: 1, modifiedAt: new Date(0) }) : Promise.resolve(undefined));
      const cache = createExistenceCache({ driver: { stat } as unknown as BlobDriver, now });
      const digest: Digest = digestOf('x');
      await cache.has(digest, 1);
      isThere = false;
      return () => cache.has(digest, 1).catch(() => false);
    },
  ],
  [
    'a count of the tags with a layer',
    async () => {
      let counted = 0;
      const countTags = () => Promise.resolve({ count: ++counted, isExact: true });
      const sharers = createLayerSharers({ name: 'sqlite', layerSharers: { countTags } as never }, now);
      const layer = digestOf('x');
      const count = async () =>
        (await sharers.count({ seesAll: true, async *names() {} }, 'a/b' as never, [layer])).get(layer)?.count;
      await count();
      return async () => (await count()) === 1;
    },
  ],
  [
    'keys of an issuer without the new one',
    async () => {
      let loads = 0;
      const jwks = createJwks(() => Promise.resolve({ keys: (loads++, []) }), now);
      await jwks.find({ kid: 'a', alg: 'ES256' });
      return async () => {
        const before = loads;
        await jwks.find({ kid: 'a', alg: 'ES256' });
        return loads === before;
      };
    },
  ],
];

test.each(parts)('%s does not outlast a clock that was set back', async (_part, begin) => {
  const lasts = await begin();
  expect(await lasts()).toBe(true);
  time -= year;
  expect(await lasts()).toBe(false);
});
