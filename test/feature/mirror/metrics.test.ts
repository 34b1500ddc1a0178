import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { TestBerth } from '../../support/berth.ts';
import { call } from '../../support/call.ts';
import { type FakeUpstream, startFakeUpstream } from '../../support/fake-upstream.ts';
import { startMirror } from '../../support/mirror.ts';
import { until } from '../../support/until.ts';

let upstream: FakeUpstream;
let berth: TestBerth;
beforeAll(async () => {
  upstream = await startFakeUpstream({ headers: { 'ratelimit-limit': '100;w=21600', 'ratelimit-remaining': '76;w=21600' } });
  berth = await startMirror({ upstreams: { 'docker.io': { url: upstream.url } } });
});
afterAll(async () => {
  await berth.close();
  await upstream.close();
});

const scrape = async () => (await call(berth, 'GET', '/metrics')).body.toString();
const getBlob = (digest: string) => call(berth, 'GET', `/v2/docker.io/o/i/blobs/${digest}`);

test('MUST 34: what the mirror does can be watched', async () => {
  const bytes = randomBytes(200_000);
  const digest = upstream.addBlob('o/i', bytes);
  upstream.misbehave('GET', /blobs/, { cutAfter: 100_000 });
  await getBlob(digest);
  await until(async () => (await getBlob(digest)).headers['x-mirror-cache'] === 'HIT');
  upstream.misbehave('GET', /blobs/, { lie: true });
  await getBlob(upstream.addBlob('o/i', randomBytes(10))).catch(() => undefined);
  const { digest: image } = upstream.addImage('o/i', '1');
  await call(berth, 'GET', '/v2/docker.io/o/i/manifests/1');
  const manifest = await call(berth, 'GET', '/v2/docker.io/o/i/manifests/1');
  expect([manifest.headers['x-mirror-cache'], manifest.headers['docker-content-digest'], manifest.headers.age]).toEqual([
    'HIT',
    image,
    '0',
  ]);
  await until(async () => (await scrape()).includes('berth_mirror_digest_mismatches_total 1'));
  const text = await scrape();
  for (const line of [
    'berth_mirror_served_total{upstream="docker.io",kind="blob",cache="MISS"} 2',
    'berth_mirror_served_total{upstream="docker.io",kind="manifest",cache="HIT"} 1',
    'berth_mirror_resumed_total{upstream="docker.io"} 1',
    'berth_mirror_rate_limit_remaining{upstream="docker.io"} 76',
    'berth_mirror_fills 0',
    'berth_mirror_evicted_total 0',
  ]) {
    expect(text).toContain(line);
  }
  expect(text).toMatch(/berth_mirror_saved_bytes_total\{upstream="docker.io"\} [1-9]/);
  expect(text).toMatch(/berth_http_requests_total\{method="GET",status="200"\} [1-9]/);
  expect(text).not.toContain('o/i');
});
