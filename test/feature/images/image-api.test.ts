import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type CallApi, type GuardedBerth, alice, apiOf, startWithAlice } from '../../support/access.ts';
import { descriptor } from '../../support/images.ts';
import { pushBlobAsAdmin, pushLayers, pushManifestAsAdmin } from '../../support/layered-image.ts';
import { tar } from '../../support/tar.ts';

let berth: GuardedBerth;
let api: CallApi;

const base = gzipSync(
  tar({ 'etc/page': '<script>alert(1)</script>', 'var/lib/dpkg/status': 'Package: a\nVersion: 1\nArchitecture: all\n' }),
);
const upper = tar({ 'etc/page': '<b>', 'var/lib/dpkg/status': 'Package: a\nVersion: 2\nArchitecture: all\n' });

beforeAll(async () => {
  berth = await startWithAlice();
  api = apiOf(() => berth);
  await pushLayers(berth, 'team/app', '1', [base], { config: { Env: ['A=1'] } });
  await pushLayers(berth, 'team/app', '2', [base, upper], { config: { Env: ['A=2'] } });
  await pushLayers(berth, 'secret/app', '1', [base]);
  await berth.administration.grant('user:alice', 'team/**', 'pull');
});
afterAll(() => berth.close());

const get = (path: string, login: Readonly<Record<string, string>> = alice) => api('GET', path, undefined, login);
const image = 'repository=team/app&reference=2&wait=60';

describe('the API for what is inside of images', () => {
  test('lists files, and says that the image is being indexed before it is', async () => {
    const first = await get('/image/files?repository=team/app&reference=1');
    expect(first.json()).toMatchObject({ index: { state: 'building' }, items: [], next: null });
    const answer = await get(`/image/files?${image}&path=/etc/`);
    expect(answer.json()).toMatchObject({
      image: { repository: 'team/app', platform: null, layers: [{ size: base.length }, { size: upper.length }] },
      index: { state: 'ready', message: '', limit: null },
      items: [{ path: 'etc/page', type: 'file', mode: '0644', size: 3, layer: 1, change: null }],
      next: null,
    });
    expect((await get(`/image/files?${image}&find=STAT`)).json()).toMatchObject({ items: [{ path: 'var/lib/dpkg/status' }] });
    const sorted = (await get(`/image/files?${image}&sort=size`)).json() as {
      readonly items: readonly { readonly path: string }[];
    };
    expect(sorted.items.map(({ path }) => path)).toEqual(['var', 'etc']);
    const ofLayer = await get(`/image/files?${image}&path=etc&layer=1`);
    expect(ofLayer.json()).toMatchObject({ items: [{ path: 'etc/page', layer: 1, change: 'changed' }] });
  });

  test('shows a file, and sends its bytes as an attachment that no browser runs', async () => {
    expect((await get(`/image/file?${image}&path=etc/page&layer=0`)).json()).toMatchObject({
      entry: { path: 'etc/page', size: 25, layer: 0 },
      text: '<script>alert(1)</script>',
      hex: null,
    });
    const answer = await get(`/image/file/content?${image}&path=etc/page&layer=0`);
    expect(answer.body.toString()).toBe('<script>alert(1)</script>');
    expect(answer.header('content-type')).toBe('application/octet-stream');
    expect(answer.header('content-disposition')).toBe(`attachment; filename="page"; filename*=UTF-8''page`);
    expect(answer.header('x-content-type-options')).toBe('nosniff');
    expect(answer.header('content-security-policy')).toBe("sandbox; default-src 'none'");
    expect(answer.header('content-length')).toBe('25');
    expect((await get(`/image/file?${image}&path=etc/none`)).status).toBe(404);
  });

  test('lists packages, waste and the difference of two images', async () => {
    expect((await get(`/image/packages?${image}`)).json()).toMatchObject({
      files: [{ path: 'var/lib/dpkg/status', format: 'dpkg', unread: '' }],
      items: [{ name: 'a', version: '2', architecture: 'all', format: 'dpkg' }],
    });
    expect((await get(`/image/waste?${image}`)).json()).toMatchObject({
      totalBytes: 108,
      wastedBytes: 65,
      efficiency: 1 - 65 / 108,
      wasted: [
        { path: 'var/lib/dpkg/status', bytes: 40, copies: 2 },
        { path: 'etc/page', bytes: 25, copies: 2 },
      ],
    });
    const diff = await get('/diff?repository=team/app&from=1&to=2&wait=60');
    expect(diff.json()).toMatchObject({
      config: [{ field: 'Env.A', from: '1', to: '2' }],
      layers: { shared: 1, removed: [], added: [{ size: upper.length }] },
      files: {
        added: 0,
        removed: 0,
        changed: 2,
        items: [
          { path: 'var/lib/dpkg/status', bytes: 40 },
          { path: 'etc/page', bytes: 25 },
        ],
      },
      packages: [{ name: 'a', from: '1', to: '2' }],
    });
    const { download } = diff.json() as { readonly download: { readonly bytes: number; readonly totalBytes: number } };
    expect(download.totalBytes - download.bytes).toBe(base.length);
  });

  test('answers the same for a hidden and for a missing repository, also on the second side of a diff', async () => {
    for (const path of ['/image/files', '/image/packages', '/image/waste']) {
      const [hidden, missing] = await Promise.all([
        get(`${path}?repository=secret/app&reference=1`),
        get(`${path}?repository=secret/none&reference=1`),
      ]);
      expect([hidden.status, missing.status]).toEqual([404, 404]);
      expect(hidden.json()).toEqual(missing.json());
    }
    const [hidden, missing] = await Promise.all(
      ['secret/app', 'secret/none'].map((other) => get(`/diff?repository=team/app&from=1&toRepository=${other}&to=1`)),
    );
    expect([hidden?.status, missing?.status]).toEqual([404, 404]);
    expect(hidden?.json()).toEqual(missing?.json());
    expect((await get(`/image/files?${image}`, {})).status).toBe(401);
  });

  test('refuses an artifact without layers of files', async () => {
    const [config, layer] = ['{}', 'chart'];
    for (const blob of [config, layer]) await pushBlobAsAdmin(berth, 'team/chart', blob);
    await pushManifestAsAdmin(berth, 'team/chart', '1', {
      config: descriptor(config, 'application/vnd.cncf.helm.config.v1+json'),
      layers: [descriptor(layer, 'application/vnd.cncf.helm.chart.content.v1.tar+gzip')],
    });
    const answer = await get(`/image/files?repository=team/chart&reference=1`);
    expect(answer.status).toBe(422);
    expect(answer.json()).toMatchObject({ detail: expect.stringContaining('which is not an archive of files') });
  });
});
