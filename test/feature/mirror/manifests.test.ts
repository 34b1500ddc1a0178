import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mediaTypes } from '../../../src/oci/media-types.ts';
import type { TestBerth } from '../../support/berth.ts';
import { call } from '../../support/call.ts';
import { type FakeUpstream, startFakeUpstream } from '../../support/fake-upstream.ts';
import { newImage, newIndex } from '../../support/images.ts';
import { startMirror } from '../../support/mirror.ts';
import { gate, until } from '../../support/until.ts';

let upstream: FakeUpstream;
let berth: TestBerth;

async function start(mirror: Readonly<Record<string, unknown>> = {}): Promise<void> {
  berth = await startMirror({ upstreams: { 'ghcr.io': { url: upstream.url } }, ...mirror });
}
beforeEach(async () => {
  upstream = await startFakeUpstream({ auth: 'bearer' });
});
afterEach(async () => {
  await berth.close();
  await upstream.close();
});

const path = (reference: string) => `/v2/ghcr.io/o/i/manifests/${reference}`;
const get = (reference: string, headers = {}) => call(berth, 'GET', path(reference), { headers });
const manifestRequests = (method: string) => upstream.count(method, /manifests/) - refused(method);
/** The first request of all goes without a token. */
const refused = (method: string) =>
  upstream.requests.filter(
    ({ at, headers, ...request }) => at === 'registry' && request.method === method && headers.authorization === undefined,
  ).length;
const cacheOf = async (reference: string) => (await get(reference)).headers['x-mirror-cache'];

describe('manifests by digest', () => {
  test('a manifest is fetched once and kept byte for byte', async () => {
    await start();
    const spaced = `${newImage().manifest}\n  `;
    const digest = upstream.addManifest('o/i', undefined, spaced);
    const answers = [await get(digest), await get(digest, { Accept: mediaTypes.dockerManifest }), await get(digest)];
    expect(answers.map(({ body }) => body.toString())).toEqual([spaced, spaced, spaced]);
    expect(answers.map(({ headers }) => [headers['content-type'], headers['x-mirror-cache']])).toEqual([
      [mediaTypes.ociManifest, 'MISS'],
      [mediaTypes.ociManifest, 'HIT'],
      [mediaTypes.ociManifest, 'HIT'],
    ]);
    expect(manifestRequests('GET')).toBe(1);
  });

  test('an index keeps every child, also those that were never fetched', async () => {
    await start();
    const children = [upstream.addImage('o/i', 'a'), newImage()];
    const index = newIndex(children);
    upstream.addManifest('o/i', 'all', index, mediaTypes.ociIndex);
    const answer = await get('all');
    expect([answer.body.toString(), answer.headers['content-type']]).toEqual([index, mediaTypes.ociIndex]);
  });

  test('a manifest with another digest is refused', async () => {
    await start();
    const { digest } = upstream.addImage('o/i', '1');
    upstream.misbehave('GET', /manifests/, {}); // the request without a token
    upstream.misbehave('GET', /manifests/, { lie: true });
    expect((await get(digest)).status).toBe(502);
    expect((await get(digest)).status).toBe(200);
  });
});

describe('tags', () => {
  test('200 pulls of a fresh tag cause no request to the upstream', async () => {
    await start();
    upstream.addImage('o/i', '1');
    await get('1');
    const before = upstream.requests.length;
    const caches = await Promise.all(Array.from({ length: 100 }, () => cacheOf('1')));
    await Promise.all(Array.from({ length: 100 }, () => call(berth, 'HEAD', path('1'))));
    expect([new Set(caches), upstream.requests.length - before]).toEqual([new Set(['HIT']), 0]);
  });

  test('a stale tag is checked by one HEAD for all clients and not fetched again', async () => {
    await start({ freshness: '1s' });
    upstream.addImage('o/i', '1');
    upstream.addImage('o/i', 'younger');
    await get('1');
    await get('younger');
    await until(async () => (await cacheOf('younger')) === 'REVALIDATED');
    const answers = await Promise.all(Array.from({ length: 20 }, () => get('1')));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    expect(answers.some(({ headers }) => headers['x-mirror-cache'] === 'REVALIDATED')).toBe(true);
    expect([upstream.count('HEAD', /manifests\/1$/), upstream.count('GET', /manifests\/1$/)]).toEqual([1, 2]); // one GET without a token
  });

  test('a tag that has moved is fetched by digest', async () => {
    await start({ freshness: '1ms' });
    upstream.addImage('o/i', '1');
    await get('1');
    const moved = upstream.addImage('o/i', '1');
    const answer = await get('1');
    expect([answer.headers['docker-content-digest'], answer.body.toString()]).toEqual([moved.digest, moved.manifest]);
  });

  test('HEAD of a cold tag is one HEAD and no GET', async () => {
    await start();
    const { digest } = upstream.addImage('o/i', '1');
    const answer = await call(berth, 'HEAD', path('1'));
    expect([answer.status, answer.headers['docker-content-digest']]).toEqual([200, digest]);
    expect([manifestRequests('HEAD'), manifestRequests('GET')]).toEqual([1, 0]);
    expect((await call(berth, 'HEAD', path('1'))).headers['x-mirror-cache']).toBe('HIT');
    expect(manifestRequests('HEAD')).toBe(1);
    await get(digest);
    const tags = await call(berth, 'GET', '/v2/_catalog');
    expect(tags.json()).toEqual({ repositories: ['ghcr.io/o/i'] });
  });
});

describe('cached tags of an upstream that fails', () => {
  test.each([
    ['gone', undefined],
    ['broken', 503],
    ['limiting', 429],
  ])('a cached tag is served while the upstream is %s', async (_state, status) => {
    await start({ freshness: '1ms' });
    const { manifest } = upstream.addImage('o/i', '1');
    await get('1');
    if (status === undefined) await upstream.goAway();
    else upstream.misbehave('HEAD', /manifests/, { status }, 9);
    for (let pull = 0; pull < 5; pull++) {
      const answer = await get('1');
      expect([answer.status, answer.body.toString(), answer.headers['x-mirror-cache']]).toEqual([200, manifest, 'STALE']);
      expect(answer.headers.warning).toMatch(/^110 /);
    }
  });

  test('an upstream that does not answer keeps no client waiting', async () => {
    await start({ freshness: '1ms', revalidateWait: '1ms', timeouts: { connect: '600s', headers: '600s', idle: '600s' } });
    upstream.addImage('o/i', '1');
    await get('1');
    const wait = gate();
    upstream.misbehave('HEAD', /manifests/, { until: wait.opened });
    expect(await cacheOf('1')).toBe('STALE');
    wait.open();
  });

  test('a deleted tag is dropped after the upstream has answered 404 twice', async () => {
    await start({ freshness: '1ms' });
    upstream.addImage('o/i', '1');
    await get('1');
    upstream.deleteTag('o/i', '1');
    expect(await cacheOf('1')).toBe('STALE');
    await until(async () => (await get('1')).status === 404);
  });
});

describe('missing content', () => {
  test('a missing manifest is requested once', async () => {
    await start();
    const wait = gate();
    upstream.misbehave('GET', /manifests/, {}); // the request without a token
    upstream.misbehave('GET', /manifests/, { until: wait.opened });
    const pending = Array.from({ length: 10 }, () => get('none'));
    await until(() => manifestRequests('GET') === 1);
    wait.open();
    expect(new Set((await Promise.all(pending)).map(({ status }) => status))).toEqual(new Set([404]));
    expect((await get('none')).codes()).toEqual(['MANIFEST_UNKNOWN']);
    expect(manifestRequests('GET')).toBe(1);
  });

  test('a failed request is not remembered as a 404', async () => {
    await start();
    upstream.misbehave('GET', /manifests/, { status: 500 });
    expect((await get('1')).status).toBe(502);
    upstream.addImage('o/i', '1');
    expect((await get('1')).status).toBe(200);
  });
});

describe('errors of upstreams', () => {
  test('a limit is 429 with Retry-After for clients that name the upstream, and 503 in mirror position', async () => {
    await start({ default: 'ghcr.io' });
    const body = '{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit."}]}';
    upstream.misbehave('GET', /manifests/, { status: 429, headers: { 'Retry-After': '120' }, body });
    const named = await get('1');
    expect([named.status, named.codes()]).toEqual([429, ['TOOMANYREQUESTS']]);
    expect(Number(named.header('retry-after'))).toBeGreaterThanOrEqual(100);
    expect((await call(berth, 'GET', '/v2/o/i/manifests/1?ns=ghcr.io')).status).toBe(503);
    expect((await call(berth, 'GET', '/v2/o/i/manifests/1')).status).toBe(503);
  });

  test('a limit without a JSON body is answered in the same way', async () => {
    await start();
    upstream.misbehave('GET', /manifests/, { status: 429, body: '429 Too Many Requests' });
    expect((await get('1')).status).toBe(429);
  });

  test('an unreachable upstream is 502', async () => {
    await start();
    await upstream.goAway();
    expect((await get('1')).status).toBe(502);
  });

  test('a repository that the upstream does not show is 404', async () => {
    await start();
    upstream.misbehave('GET', /manifests/, { status: 403 });
    const answer = await get('1');
    expect([answer.status, answer.codes()]).toEqual([404, ['NAME_UNKNOWN']]);
  });
});

describe('listings', () => {
  test('tags come in pages with links to berth, and the upstream is asked once for each page', async () => {
    await start();
    for (const tag of ['a', 'b', 'c']) upstream.addImage('o/i', tag);
    const first = await call(berth, 'GET', '/v2/o/i/tags/list?n=2&ns=ghcr.io');
    expect(first.json()).toMatchObject({ tags: ['a', 'b'] });
    const link = /^<(\/v2\/o\/i\/tags\/list\?[^>]*)>; rel="next"$/.exec(first.header('link'))?.[1] ?? '';
    expect((await call(berth, 'GET', link)).json()).toMatchObject({ tags: ['c'] });
    await call(berth, 'GET', '/v2/o/i/tags/list?n=2&ns=ghcr.io');
    expect(upstream.count('GET', /tags\/list/)).toBe(3); // and once without a token
    await upstream.goAway();
    expect((await call(berth, 'GET', '/v2/o/i/tags/list?n=2&ns=ghcr.io')).status).toBe(200);
  });

  test('tags and referrers are served stale after a restart while the upstream is gone', async () => {
    await start({ freshness: '1ms' });
    for (const tag of ['a', 'b', 'c']) upstream.addImage('o/i', tag);
    const paths = ['/v2/ghcr.io/o/i/tags/list?n=2', `/v2/ghcr.io/o/i/referrers/${upstream.addImage('o/i', 'd').digest}`];
    const before = await Promise.all(paths.map((one) => call(berth, 'GET', one)));
    await upstream.goAway();
    berth = await berth.restart();
    for (const [index, one] of paths.entries()) {
      const answer = await call(berth, 'GET', one);
      expect([answer.status, answer.headers['x-mirror-cache'], answer.headers['link']]).toEqual([
        200,
        'STALE',
        before[index]?.headers['link'],
      ]);
      expect(answer.json()).toEqual(before[index]?.json());
    }
    expect((await call(berth, 'GET', '/v2/ghcr.io/o/i/tags/list?n=3')).status).toBe(502);
  });

  test("the upstream's referrers and berth's own are merged, each once", async () => {
    await start();
    const { digest } = upstream.addImage('o/i', '1');
    const [signature, sbom] = [upstream.addReferrer('o/i', digest, 'text/sig'), upstream.addReferrer('o/i', digest, 'text/sbom')];
    await get(signature);
    const list = async (query = '') => {
      const answer = await call(berth, 'GET', `/v2/ghcr.io/o/i/referrers/${digest}${query}`);
      return (answer.json() as { manifests: { digest: string }[] }).manifests.map((item) => item.digest).sort();
    };
    expect(await list()).toEqual([signature, sbom].sort());
    expect(await list('?artifactType=text%2Fsbom')).toEqual([sbom]);
  });
});
