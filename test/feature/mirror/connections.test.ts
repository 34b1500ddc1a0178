import { randomBytes } from 'node:crypto';
import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createConnectionWaits } from '../../../src/mirror/events/connection-waits.ts';
import { createTransport, readWhole } from '../../../src/upstream/transport.ts';
import type { TestBerth } from '../../support/berth.ts';
import { type FakeUpstream, startFakeUpstream } from '../../support/fake-upstream.ts';
import { startMirror } from '../../support/mirror.ts';
import { gate, until } from '../../support/until.ts';

let upstream: FakeUpstream;
let berth: TestBerth;
beforeEach(async () => {
  upstream = await startFakeUpstream();
  const timeouts = { headers: '2s', idle: '300s' };
  berth = await startMirror({ upstreams: { 'ghcr.io': { url: upstream.url } }, timeouts });
});
afterEach(async () => {
  await berth.close();
  await upstream.close();
});

const get = (path: string) => fetch(`${berth.url}/v2/ghcr.io/o/i/${path}`);
const getNew = () => get(`blobs/${upstream.addBlob('o/i', randomBytes(10_000))}`);

test('64 downloads run at a time; a download beyond them gets 503, opens no circuit, and does not hold up manifests', async () => {
  const rest = gate();
  upstream.misbehave('GET', /blobs/, { stallAfter: 1000, until: rest.opened }, 64);
  const downloads: Response[] = [];
  while (downloads.length < 64) downloads.push(...(await Promise.all(Array.from({ length: 8 }, getNew))));
  const refused = await Promise.all(Array.from({ length: 4 }, getNew));
  expect(refused.map(({ status, headers }) => [status, headers.get('retry-after')])).toEqual(Array(4).fill([503, '5']));
  expect(await refused[0]?.text()).toContain('all connections to it are in use (64 for a host; waited for 2');
  const metrics = await (await fetch(`${berth.url}/metrics`)).text();
  expect(metrics).toContain('berth_mirror_connections{upstream="ghcr.io",state="in_use"} 64');
  expect(metrics).toContain('berth_mirror_connection_wait_seconds_bucket{le="2",upstream="ghcr.io"} 64');
  const { manifest } = upstream.addImage('o/i', '1');
  expect(await (await get('manifests/1')).text()).toBe(manifest);
  expect(upstream.count('GET', /blobs/)).toBe(64);
  rest.open();
  const bodies = await Promise.all(downloads.map((response) => response.arrayBuffer()));
  expect(bodies.every(({ byteLength }) => byteLength === 10_000)).toBe(true);
  expect((await getNew()).status).toBe(200);
}, 60_000);

test('the connections for downloads are a setting of the upstream', async () => {
  await berth.close();
  berth = await startMirror({ upstreams: { 'ghcr.io': { url: upstream.url, connections: 1 } } });
  const rest = gate();
  upstream.misbehave('GET', /blobs/, { stallAfter: 1000, until: rest.opened });
  const first = getNew();
  await until(() => upstream.count('GET', /blobs/) === 1);
  const second = getNew();
  const waiting = 'berth_mirror_connections{upstream="ghcr.io",state="waiting"} 1';
  await until(async () => (await (await fetch(`${berth.url}/metrics`)).text()).includes(waiting));
  rest.open();
  const bodies = await Promise.all([first, second].map(async (response) => (await response).arrayBuffer()));
  expect(bodies.map(({ byteLength }) => byteLength)).toEqual([10_000, 10_000]);
});

test('long waits are told once in ten seconds, with how many there were', () => {
  let time = 0;
  const told: object[] = [];
  const waits = createConnectionWaits({
    now: () => time,
    events: { waited: () => undefined, waitedLong: (slow) => void told.push(slow) },
  });
  for (const milliseconds of [999, 1500, 2000, 4000]) waits.note('ghcr.io', milliseconds);
  time += 10_000;
  waits.note('ghcr.io', 1000);
  expect(told).toEqual([
    { upstream: 'ghcr.io', downloads: 1, longestSeconds: 1.5 },
    { upstream: 'ghcr.io', downloads: 3, longestSeconds: 4 },
  ]);
});

test('a request that has ended leaves nothing at a signal that lives on', async () => {
  const bytes = randomBytes(10_000);
  const url = new URL(`/v2/o/i/blobs/${upstream.addBlob('o/i', bytes)}`, upstream.url);
  const timeouts = { connectSeconds: 5, headersSeconds: 5, idleSeconds: 5 };
  const transport = createTransport({ timeouts, connections: 1, ca: undefined, proxy: {} });
  const { signal } = new AbortController();
  try {
    const response = await transport.send({ method: 'GET', url, headers: {}, rule: 'any', signal });
    expect((await readWhole(response, bytes.length)).equals(bytes)).toBe(true);
    await until(() => getEventListeners(signal, 'abort').length === 0);
  } finally {
    transport.close();
  }
});
