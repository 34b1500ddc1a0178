import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BerthProcess, startBerthProcess } from '../support/berth-process.ts';
import { call } from '../support/call.ts';
import { type FakeUpstream, startFakeUpstream } from '../support/fake-upstream.ts';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';
import { digestOf, newImage, pushBlobs, putManifest } from '../support/images.ts';
import { isLong } from '../support/long.ts';
import { type SyncSite, startSite } from '../support/sync.ts';
import { gate, until } from '../support/until.ts';

const mebibyte = 1024 * 1024;
const layerBytes = 8 * mebibyte;

// A killed process keeps its lease for ten seconds. The short run stops copies in the same places: test/feature/sync.
(isLong ? describe : describe.skip)('SIGKILL in the middle of a layer', () => {
  let upstream: FakeUpstream;
  let target: SyncSite;
  let proxy: FaultProxy;
  let folder: string;
  let berth: BerthProcess;

  beforeAll(async () => {
    [upstream, target] = await Promise.all([startFakeUpstream(), startSite()]);
    proxy = await startFaultProxy(target.url);
    folder = await mkdtemp(join(tmpdir(), 'berth-sync-kill-'));
    const file = join(folder, 'berth.yaml');
    const registries = { 'hub.test': { url: upstream.url }, 'target.test': { url: proxy.url, uploadPart: '1MiB' } };
    const sync = [
      { name: 'in', from: 'hub.test/in/app', to: 'in/app', every: '1m' },
      { name: 'out', from: 'out/app', to: 'target.test/out/app', every: '1m' },
    ];
    await writeFile(file, JSON.stringify({ registries, sync }));
    berth = await startBerthProcess({ BERTH_CONFIG: file });
  }, 60_000);
  afterAll(async () => {
    await berth.dispose();
    await Promise.all([upstream.close(), proxy.close(), target.dispose()]);
    await rm(folder, { recursive: true });
  }, 60_000);

  test('sends and receives only what is missing afterwards', async () => {
    const layer = newImage({}, layerBytes);
    await pushBlobs(berth, 'out/app', layer);
    await putManifest(berth, 'out/app', '1', layer.manifest);
    const image = upstream.addImage('in/app', '1', layerBytes);
    const never = gate();
    upstream.misbehave('GET', new RegExp(`blobs/${digestOf(image.layer)}`), { stallAfter: 6 * mebibyte, until: never.opened });
    let parts = 0;
    proxy.decide = ({ method }) => (method === 'PATCH' && ++parts === 6 ? 'stall' : undefined);
    await until(() => parts === 6 && upstream.blobBytes >= 6 * mebibyte);
    await berth.kill('SIGKILL');
    never.open();
    const received = upstream.blobBytes;
    await berth.start();
    await until(async () => (await target.tag('out/app', '1')) !== undefined);
    await until(async () => (await call(berth, 'HEAD', '/v2/in/app/manifests/1')).status === 200);
    expect(parts).toBe(layerBytes / mebibyte + 1);
    // Besides the last two mebibytes: an upload keeps some bytes in memory.
    expect(upstream.blobBytes - received).toBeLessThan(5 * mebibyte);
    expect(upstream.requests.some(({ headers }) => /^bytes=[1-9]/.test(headers.range ?? ''))).toBe(true);
  }, 120_000);
});
