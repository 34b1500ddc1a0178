import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createBandwidth } from '../../../src/coordination/bandwidth.ts';
import { download } from '../../../src/mirror/fills/download.ts';
import { openPartialBlob } from '../../../src/mirror/fills/partial-blob.ts';
import { type Transport, createTransport, readWhole } from '../../../src/upstream/transport.ts';
import { call } from '../../support/call.ts';
import { type FakeUpstream, startFakeUpstream } from '../../support/fake-upstream.ts';
import { startMirror } from '../../support/mirror.ts';
import { until } from '../../support/until.ts';

let upstream: FakeUpstream;
let transport: Transport | undefined;
let scratch: string;
beforeEach(async () => {
  upstream = await startFakeUpstream();
  scratch = await mkdtemp(join(tmpdir(), 'berth-bandwidth-'));
});
afterEach(async () => {
  transport?.close();
  await upstream.close();
  await rm(scratch, { recursive: true });
});

const { signal } = new AbortController();

/** A clock that only sleeping moves. */
function startClock() {
  const clock = {
    time: 0,
    now: () => clock.time,
    sleep(milliseconds: number): Promise<void> {
      clock.time += milliseconds;
      return Promise.resolve();
    },
  };
  return clock;
}

test('the bandwidth is not exceeded after an idle time either', async () => {
  const clock = startClock();
  const bandwidth = createBandwidth({ bytesPerSecond: 1000, ...clock });
  for (const before of [0, 3_600_000]) {
    clock.time += before;
    const began = clock.time;
    for (let bytes = 0; bytes < 10_000; bytes += 100) await bandwidth.spend(100, signal);
    expect(clock.time - began).toBeCloseTo(9800);
  }
});

test('all downloads share the bandwidth, and manifests count too', async () => {
  const waits: number[] = [];
  const sleep = (milliseconds: number) => Promise.resolve(void waits.push(milliseconds));
  const bandwidth = createBandwidth({ bytesPerSecond: 1000, now: () => 0, sleep });
  bandwidth.count(1000);
  await Promise.all([bandwidth.spend(500, signal), bandwidth.spend(500, signal)]);
  expect(waits).toEqual([1300, 1800]);
});

function getBlob(digest: string, idleSeconds: number): Promise<IncomingMessage> {
  const timeouts = { connectSeconds: 60, headersSeconds: 60, idleSeconds };
  transport = createTransport({ timeouts, connections: 1, ca: undefined, proxy: {} });
  const url = new URL(`/v2/o/i/blobs/${digest}`, upstream.url);
  return transport.send({ method: 'GET', url, headers: {}, rule: 'any' });
}

test('bytes beyond the bandwidth wait in the socket', async () => {
  const bytes = randomBytes(32 * 1024 * 1024);
  const digest = upstream.addBlob('o/i', bytes);
  const blob = await openPartialBlob(join(scratch, 'blob'), digest, undefined);
  const gate = Promise.withResolvers<undefined>();
  let response: IncomingMessage | undefined;
  const done = download(blob, {
    promisedBytes: undefined,
    fetch: async () => (response = await getBlob(digest, 60)),
    signal,
    idleSeconds: 30,
    onBegin: () => undefined,
    onResume: () => undefined,
    onReceived: () => gate.promise,
    onCopied: () => undefined,
    proveStored: () => Promise.resolve(),
  });
  await until(() => (response?.readableLength ?? 0) > 0);
  // Several turns of the event loop in which everything would come that somebody reads.
  for (let count = 0; count < 1000; count++) await nextTurn();
  const inMemory = blob.keptBytes + (response?.readableLength ?? 0);
  expect(inMemory).toBeLessThan(512 * 1024);
  expect(upstream.blobBytes).toBeLessThan(bytes.length);
  gate.resolve(undefined);
  await done;
  expect((await readFile(join(scratch, 'blob'))).equals(bytes)).toBe(true);
  await blob.close();
});

test('an idle upstream is given up, also after the reader itself has paused', async () => {
  const digest = upstream.addBlob('o/i', randomBytes(100_000));
  const never = Promise.withResolvers<undefined>();
  upstream.misbehave('GET', /blobs/, { stallAfter: 50_000, until: never.promise });
  const response = await getBlob(digest, 0.05);
  await once(response, 'timeout');
  expect(response.destroyed).toBe(false);
  await expect(readWhole(response, 100_000)).rejects.toMatchObject({ code: 'timeout' });
  never.resolve(undefined);
});

test('a download that waits for bandwidth delays neither cached pulls nor the shutdown', async () => {
  const small = upstream.addBlob('o/i', randomBytes(1000));
  const large = upstream.addBlob('o/i', randomBytes(4 * 1024 * 1024));
  const { manifest } = upstream.addImage('o/i', '1');
  const berth = await startMirror({ upstreams: { 'ghcr.io': { url: upstream.url, bandwidth: '1KiB' } } });
  const get = (path: string) => call(berth, 'GET', `/v2/ghcr.io/o/i/${path}`);
  await until(async () => (await get(`blobs/${small}`)).headers['x-mirror-cache'] === 'HIT');
  let isCut = false;
  const cold = get(`blobs/${large}`).catch(() => (isCut = true));
  const received = async () =>
    /received_bytes_total{upstream="ghcr.io"} (\d+)/.exec((await call(berth, 'GET', '/metrics')).body.toString());
  await until(async () => Number((await received())?.[1]) > 1000);
  expect((await get('manifests/1')).body.toString()).toBe(manifest);
  for (let count = 0; count < 100; count++) expect((await get(`blobs/${small}`)).headers['x-mirror-cache']).toBe('HIT');
  expect(Number((await received())?.[1])).toBeLessThan(4 * 1024 * 1024);
  await berth.close();
  await cold;
  expect(isCut).toBe(true);
});
