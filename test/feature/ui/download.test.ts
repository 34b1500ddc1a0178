import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { mediaTypes } from '../../../src/oci/media-types.ts';
import type { TestBerth } from '../../support/berth.ts';
import { call } from '../../support/call.ts';
import { type FakeUpstream, startFakeUpstream } from '../../support/fake-upstream.ts';
import { putManifest } from '../../support/images.ts';
import { startMirror } from '../../support/mirror.ts';
import { pushRealImage, realImage } from '../../support/real-image.ts';
import { readTar } from '../../support/tar.ts';
import { until } from '../../support/until.ts';
import { newVisitor } from '../../support/visitor.ts';

let hub: FakeUpstream;
let berth: TestBerth;
const image = realImage({ hello: 'hello\n', random: randomBytes(50_000) });
const arm = realImage({ hello: 'arm\n' }, 'arm64');

beforeAll(async () => {
  hub = await startFakeUpstream({ auth: 'bearer' });
  berth = await startMirror({ upstreams: { 'ghcr.io': { url: hub.url } } });
  await pushRealImage(berth, 'team/app', '1', image);
  await pushRealImage(berth, 'team/app', arm.descriptor.digest, arm);
  const manifests = [
    { ...image.descriptor, platform: { os: 'linux', architecture: 'amd64' } },
    { ...arm.descriptor, platform: { os: 'linux', architecture: 'arm64' } },
  ];
  const index = JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests });
  await putManifest(berth, 'team/app', 'all', index, mediaTypes.ociIndex);
});
afterAll(async () => {
  await berth.close();
  await hub.close();
});

const get = (path: string, headers: Readonly<Record<string, string>> = {}, method = 'GET') =>
  call(berth, method, `/ui/r/${path}`, { headers });
const view = async (path: string) => (await newVisitor(berth).get(`/ui/r/${path}`)).text;

test('the view of an image has a form for its download, with the platforms of an index', async () => {
  expect(await view('team/app:1')).toContain('<form method="get" action="/ui/r/team/app:1/-/archive">');
  const page = await view('team/app:all?platform=linux%2Farm64');
  expect(page).toContain('<option value="linux/arm64" selected>');
});

test('a download has the bytes of the API, a length, an ETag and ranges that join to the whole', async () => {
  const whole = await get('team/app:1/-/archive');
  expect([whole.status, whole.header('content-type')]).toEqual([200, 'application/x-tar']);
  expect(whole.header('content-disposition')).toBe('attachment; filename="app-1.tar"');
  expect(Number(whole.header('content-length'))).toBe(whole.body.length);
  expect(await call(berth, 'GET', '/api/v1/archive?repository=team/app&reference=1')).toMatchObject({ body: whole.body });
  const etag = whole.header('etag');
  const middle = Math.floor(whole.body.length / 2);
  const first = await get('team/app:1/-/archive', { Range: `bytes=0-${middle}`, 'If-Range': etag });
  const second = await get('team/app:1/-/archive', { Range: `bytes=${middle + 1}-`, 'If-Range': etag });
  expect([first.status, second.status]).toEqual([206, 206]);
  expect(Buffer.concat([first.body, second.body]).equals(whole.body)).toBe(true);
  expect((await get('team/app:1/-/archive', { Range: 'bytes=0-9', 'If-Range': '"older"' })).status).toBe(200);
  expect((await get('team/app:1/-/archive', { 'If-None-Match': etag })).status).toBe(304);
  const head = await get('team/app:1/-/archive', {}, 'HEAD');
  expect([head.status, head.body.length, head.header('etag')]).toEqual([200, 0, etag]);
});

test('of an index the chosen platform is downloaded, or all of them', async () => {
  const names = async (query: string) => [...readTar((await get(`team/app:all/-/archive${query}`)).body).keys()];
  const blobOf = ({ descriptor }: typeof arm) => `blobs/${descriptor.digest.replace(':', '/')}`;
  expect(await names('?platform=linux%2Farm64')).not.toContain(blobOf(image));
  expect(await names('?platform=')).toEqual(expect.arrayContaining([blobOf(image), blobOf(arm)]));
});

test('an image of an upstream that is not cached answers 409 with a form that fetches it, and can be downloaded then', async () => {
  hub.addRealImage('o/i', '1', 100_000);
  const refused = await get('ghcr.io/o/i:1/-/archive');
  expect(refused.status).toBe(409);
  expect(refused.body.toString()).toContain('action="/ui/r/ghcr.io/o/i:1/-/fetch"');
  const visitor = newVisitor(berth);
  const { status, location } = await visitor.post('/ui/r/ghcr.io/o/i:1/-/fetch', { platform: '' });
  expect([status, location]).toEqual([303, expect.stringMatching(/^\/ui\/jobs\//)]);
  await until(async () => (await visitor.get(location)).text.includes('href="/ui/r/ghcr.io/o/i:1"'));
  expect((await get('ghcr.io/o/i:1/-/archive')).status).toBe(200);
});

test('a fetch that fails says why, and nothing is fetched for a repository of this registry', async () => {
  const visitor = newVisitor(berth);
  const { location } = await visitor.post('/ui/r/ghcr.io/o/i:never/-/fetch', {});
  await until(async () => (await visitor.get(location)).text.includes('ghcr.io does not have it'));
  const own = await visitor.post('/ui/r/team/app:1/-/fetch', {});
  expect([own.status, own.text.includes('is not mirrored')]).toEqual([409, true]);
});
