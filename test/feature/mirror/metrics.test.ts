import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { loadConfig } from '../../../config/load.ts';
import { createApp } from '../../../src/app.ts';
import type { Log } from '../../../src/observability/log.ts';
import type { TestBerth } from '../../support/berth.ts';
import { call } from '../../support/call.ts';
import { type FakeUpstream, startFakeUpstream } from '../../support/fake-upstream.ts';
import { mirrorConfig, startMirror } from '../../support/mirror.ts';
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
const valueOf = async (line: string) => {
  const text = await scrape();
  return Number(
    text
      .split('\n')
      .find((one) => one.startsWith(line))
      ?.slice(line.length) ?? 0,
  );
};
const getBlob = (digest: string) => call(berth, 'GET', `/v2/docker.io/o/i/blobs/${digest}`);

test('the metrics show what the mirror does', async () => {
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
    'berth_mirror_fill_bytes 0',
    'berth_mirror_upstream_up{upstream="docker.io"} 1',
    'berth_mirror_open_circuits{upstream="docker.io",scope="logins"} 0',
    'berth_mirror_evicted_total 0',
  ]) {
    expect(text).toContain(line);
  }
  expect(text).toMatch(/berth_mirror_saved_bytes_total\{upstream="docker.io"\} [1-9]/);
  expect(text).toMatch(/berth_http_requests_total\{method="GET",route="[^"]+",status="200"\} [1-9]/);
  expect(text).not.toContain('o/i');
});

test('saved bytes are those of the bodies that clients got without the upstream', async () => {
  const digest = upstream.addBlob('o/i', randomBytes(100_000));
  const path = `/v2/docker.io/o/i/blobs/${digest}`;
  const saved = () => valueOf('berth_mirror_saved_bytes_total{upstream="docker.io"} ');
  await getBlob(digest);
  await until(async () => (await call(berth, 'HEAD', path)).headers['x-mirror-cache'] === 'HIT');
  const before = await saved();
  await call(berth, 'HEAD', path);
  await call(berth, 'GET', path, { headers: { 'If-None-Match': `"${digest}"` } });
  await call(berth, 'GET', path, { headers: { Range: 'bytes=10-1009' } });
  await call(berth, 'GET', path);
  await until(async () => (await saved()) - before >= 101_000);
  expect((await saved()) - before).toBe(101_000);
});

test('the log says of each mirrored request how it was served, and the metrics count those that failed', async () => {
  const lines: Record<string, unknown>[] = [];
  const note = (fields: Record<string, unknown>) => void lines.push(fields);
  const log = { info: note, warn: note, error: note } as unknown as Log;
  const { file, remove } = await mirrorConfig({ upstreams: { 'docker.io': { url: upstream.url } } });
  const directory = await mkdtemp(join(tmpdir(), 'berth-log-'));
  const environment = { BERTH_LISTEN: '127.0.0.1:0', BERTH_STORAGE_BLOBS_DIRECTORY: directory };
  const app = await createApp(loadConfig({ file, environment }), log);
  const url = await app.listen();
  upstream.addImage('o/log', '1');
  for (const reference of ['1', '1', 'none']) await call({ url }, 'GET', `/v2/docker.io/o/log/manifests/${reference}`);
  await call({ url }, 'GET', '/v2/');
  const metrics = await call({ url }, 'GET', '/metrics');
  await until(() => lines.length >= 5);
  const outcomes = lines.filter((line) => 'requestId' in line).map(({ upstream: name, cache }) => [name, cache]);
  expect(outcomes.slice(0, 4)).toEqual([
    ['docker.io', 'MISS'],
    ['docker.io', 'HIT'],
    ['docker.io', undefined],
    [undefined, undefined],
  ]);
  expect(metrics.body.toString()).toContain('berth_mirror_failed_total{upstream="docker.io",status="404"} 1');
  await app.close();
  await Promise.all([remove(), rm(directory, { recursive: true })]);
});

test('a limit that the upstream sets is shown as the open circuit of a login, and an upstream that is away as not up', async () => {
  upstream.misbehave('GET', /manifests\/limited/, { status: 429 });
  await call(berth, 'GET', '/v2/docker.io/o/limited/manifests/limited');
  const limited = await scrape();
  expect(limited).toContain('berth_mirror_open_circuits{upstream="docker.io",scope="logins"} 1');
  expect(limited).toContain('berth_mirror_upstream_up{upstream="docker.io"} 1');
  await upstream.goAway();
  for (let count = 0; count < 4; count++) {
    await call(berth, 'GET', `/v2/docker.io/o/i${count}/blobs/sha256:${String(count).repeat(64)}`);
  }
  expect(await scrape()).toContain('berth_mirror_upstream_up{upstream="docker.io"} 0');
  await upstream.comeBack();
});
