import { randomBytes } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { startBerthProcess } from '../../support/berth-process.ts';
import { call } from '../../support/call.ts';
import { startFakeUpstream } from '../../support/fake-upstream.ts';
import { mirrorConfig } from '../../support/mirror.ts';
import { gate, until } from '../../support/until.ts';

test('64 clients of two worker processes are one download, and both serve it afterwards', async () => {
  const upstream = await startFakeUpstream({ auth: 'bearer', redirectBlobs: true });
  const { file, remove } = await mirrorConfig({ upstreams: { 'ghcr.io': { url: upstream.url } } });
  const berth = await startBerthProcess({ BERTH_CONFIG: file, BERTH_WORKERS: '2' });
  const bytes = randomBytes(5_000_000);
  const path = `/v2/ghcr.io/o/i/blobs/${upstream.addBlob('o/i', bytes)}`;
  const downloads = () => upstream.count('GET', /verify=/, 'cdn');
  const rest = gate();
  upstream.misbehave('GET', /^cdn/, { stallAfter: 2_000_000, until: rest.opened });
  const pending = Array.from({ length: 64 }, () => call(berth, 'GET', path));
  await until(() => downloads() === 1);
  rest.open();
  const answers = await Promise.all(pending);
  expect(answers.every(({ status, body }) => status === 200 && body.equals(bytes))).toBe(true);
  expect([downloads(), upstream.blobBytes]).toEqual([1, bytes.length]);
  await until(async () => (await call(berth, 'HEAD', path)).headers['x-mirror-cache'] === 'HIT');
  const warm = await Promise.all(Array.from({ length: 16 }, () => call(berth, 'GET', path)));
  expect(new Set(warm.map(({ headers }) => headers['x-mirror-cache']))).toEqual(new Set(['HIT']));
  await Promise.all([berth.dispose(), upstream.close(), remove()]);
}, 60_000);

test('clients of two worker processes get a whole blob that is too large to be kept', async () => {
  const upstream = await startFakeUpstream();
  const { file, remove } = await mirrorConfig({ upstreams: { 'ghcr.io': { url: upstream.url } }, maxSize: '1MiB' });
  const berth = await startBerthProcess({ BERTH_CONFIG: file, BERTH_WORKERS: '2' });
  const bytes = randomBytes(5_000_000);
  const path = `/v2/ghcr.io/o/i/blobs/${upstream.addBlob('o/i', bytes)}`;
  const rest = gate();
  upstream.misbehave('GET', /blobs/, { stallAfter: 2_000_000, until: rest.opened });
  const pending = Array.from({ length: 16 }, () => call(berth, 'GET', path));
  await until(() => upstream.count('GET', /blobs/) === 1);
  rest.open();
  const answers = await Promise.all(pending);
  expect(answers.every(({ status, body }) => status === 200 && body.equals(bytes))).toBe(true);
  await Promise.all([berth.dispose(), upstream.close(), remove()]);
}, 60_000);

test('clients of two worker processes cost one pull of a cold manifest, by tag and by digest', async () => {
  const upstream = await startFakeUpstream();
  const { file, remove } = await mirrorConfig({ upstreams: { 'ghcr.io': { url: upstream.url } } });
  const berth = await startBerthProcess({ BERTH_CONFIG: file, BERTH_WORKERS: '2' });
  const { manifest } = upstream.addImage('o/i', '1');
  const other = upstream.addImage('o/i', '2');
  for (const [reference, expected] of [
    ['1', manifest],
    [other.digest, other.manifest],
  ] as const) {
    const rest = gate();
    upstream.misbehave('GET', /manifests/, { until: rest.opened });
    const pending = Array.from({ length: 32 }, () => call(berth, 'GET', `/v2/ghcr.io/o/i/manifests/${reference}`));
    await until(() => upstream.count('GET', new RegExp(`manifests/${reference}`)) === 1);
    rest.open();
    const answers = await Promise.all(pending);
    expect(answers.every(({ status, body }) => status === 200 && body.toString() === expected)).toBe(true);
  }
  expect(upstream.count('GET', /manifests/)).toBe(2);
  await Promise.all([berth.dispose(), upstream.close(), remove()]);
}, 60_000);
