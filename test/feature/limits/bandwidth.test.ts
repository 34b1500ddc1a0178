import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Bandwidth } from '../../../src/coordination/bandwidth.ts';
import { paced } from '../../../src/http/transfer/pace.ts';
import { createClientBandwidths } from '../../../src/limits/client-bandwidths.ts';
import { type TestBerth, startBerth } from '../../support/berth.ts';
import { call } from '../../support/call.ts';
import { digestOf, pushBlob } from '../../support/images.ts';

let berth: TestBerth;
beforeAll(async () => {
  berth = await startBerth({ BERTH_LIMITS_BANDWIDTH_DOWNLOAD: '2GiB', BERTH_LIMITS_BANDWIDTH_UPLOAD: '2GiB' });
});
afterAll(() => berth.close());

test('limited transfers carry every byte, whole, in ranges and in both directions', async () => {
  const blob = randomBytes(3_000_000);
  await pushBlob(berth, 'app', blob);
  const path = `/v2/app/blobs/${digestOf(blob)}`;
  expect((await call(berth, 'GET', path)).body.equals(blob)).toBe(true);
  const part = await call(berth, 'GET', path, { headers: { Range: 'bytes=1000-2000000' } });
  expect([part.status, part.body.equals(blob.subarray(1000, 2_000_001))]).toEqual([206, true]);
});

test('a chunk is sent in pieces of a quarter of a second, and each one waits for the limit', async () => {
  const spent: number[] = [];
  const bandwidth: Bandwidth = {
    count: () => undefined,
    spend(bytes) {
      spent.push(bytes);
      return Promise.resolve();
    },
  };
  const chunk = randomBytes(1000);
  const pieces: Uint8Array[] = [];
  for await (const piece of paced(chunk, { bandwidth, bytesPerSecond: 1600 }, new AbortController().signal)) pieces.push(piece);
  expect(spent).toEqual([400, 400, 200]);
  expect(Buffer.concat(pieces).equals(chunk)).toBe(true);
  const gone: Uint8Array[] = [];
  for await (const piece of paced(chunk, { bandwidth, bytesPerSecond: 1600 }, AbortSignal.abort())) gone.push(piece);
  expect(gone).toEqual([]);
});

test('all transfers of a client in one direction share its limit, and other clients have their own', () => {
  const bandwidths = createClientBandwidths({ download: 1000, upload: undefined });
  const of = (client: string) => bandwidths.of(() => client, 'download');
  expect(of('account:1')?.bytesPerSecond).toBe(1000);
  expect(of('account:1')?.bandwidth).toBe(of('account:1')?.bandwidth);
  expect(of('account:2')?.bandwidth).not.toBe(of('account:1')?.bandwidth);
  expect(bandwidths.of(() => 'account:1', 'upload')).toBeUndefined();
  bandwidths.configure({ download: undefined, upload: 500 });
  expect(of('account:1')).toBeUndefined();
  expect(bandwidths.of(() => 'account:1', 'upload')?.bytesPerSecond).toBe(500);
});
