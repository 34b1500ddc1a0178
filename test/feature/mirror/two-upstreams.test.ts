import { randomBytes } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { TestBerth } from '../../support/berth.ts';
import { call } from '../../support/call.ts';
import { type FakeUpstream, startFakeUpstream } from '../../support/fake-upstream.ts';
import { descriptor, newImage } from '../../support/images.ts';
import { startMirror } from '../../support/mirror.ts';
import { gate, until } from '../../support/until.ts';

/** Two upstreams that have the same layer. */
let bad: FakeUpstream;
let good: FakeUpstream;
let berth: TestBerth;
const bytes = randomBytes(1_000_000);
let digest: string;

beforeEach(async () => {
  [bad, good] = await Promise.all([startFakeUpstream(), startFakeUpstream()]);
  berth = await startMirror({ upstreams: { 'bad.example': { url: bad.url }, 'good.example': { url: good.url } } });
  digest = bad.addBlob('o/i', bytes);
  good.addBlob('o/i', bytes);
});
afterEach(async () => {
  await berth.close();
  await Promise.all([bad.close(), good.close()]);
});

const get = (upstream: string) => call(berth, 'GET', `/v2/${upstream}.example/o/i/blobs/${digest}`);
/** 0 if there is no such file yet. */
const sizeOfPartial = async (upstream: string) => {
  const path = join(berth.directory, '.berth/fills', `${upstream}.example`, digest.replace(':', '-'));
  return (await stat(path).catch(() => undefined))?.size ?? 0;
};
const partials = (upstream: string) => readdir(join(berth.directory, '.berth/fills', `${upstream}.example`));

test('an upstream that rests in the middle of a layer keeps no clients of another one waiting', async () => {
  const rest = gate();
  bad.misbehave('GET', /blobs/, { stallAfter: 1000, until: rest.opened });
  const slow = get('bad');
  await until(() => bad.blobBytes > 0);
  expect((await get('good')).body.equals(bytes)).toBe(true);
  rest.open();
  expect((await slow).body.equals(bytes)).toBe(true);
  const asked = bad.requests.length + good.requests.length;
  for (const upstream of ['bad', 'good']) await until(async () => (await get(upstream)).headers['x-mirror-cache'] === 'HIT');
  await until(async () => (await partials('bad')).length === 0);
  expect(bad.requests.length + good.requests.length).toBe(asked);
});

test('clients of a download whose upstream rests get the copy that another upstream has brought meanwhile', async () => {
  const rest = gate();
  bad.misbehave('GET', /blobs/, { stallAfter: 1000, until: rest.opened });
  const slow = get('bad');
  await until(() => bad.blobBytes > 0);
  expect((await get('good')).body.equals(bytes)).toBe(true);
  const answer = await slow;
  expect([answer.status, answer.body.equals(bytes), bad.blobBytes]).toEqual([200, true, 1000]);
  rest.open();
});

test('so do clients of an upstream that has not answered at all, if its manifest lists the layer', async () => {
  const rest = gate();
  const image = newImage();
  const manifest = JSON.stringify({ ...(JSON.parse(image.manifest) as object), layers: [descriptor(bytes)] });
  bad.addManifest('o/i', '1', manifest);
  await call(berth, 'GET', '/v2/bad.example/o/i/manifests/1');
  bad.misbehave('GET', /blobs/, { until: rest.opened });
  const slow = get('bad');
  await until(() => bad.count('GET', /blobs/) === 1);
  expect((await get('good')).body.equals(bytes)).toBe(true);
  const answer = await slow;
  expect([answer.status, answer.body.equals(bytes), bad.blobBytes]).toEqual([200, true, 0]);
  rest.open();
});

test('a download whose upstream breaks off for good goes on with what another one is still bringing', async () => {
  const [cut, rest] = [gate(), gate()];
  bad.misbehave('GET', /blobs/, { stallAfter: 1000, until: cut.opened, cutAfter: 1000 });
  bad.misbehave('GET', /blobs/, { status: 404 }, 1000);
  good.misbehave('GET', /blobs/, { stallAfter: 500_000, until: rest.opened });
  const [broken, slow] = [get('bad'), get('good')];
  await until(async () => bad.blobBytes > 0 && (await sizeOfPartial('good')) === 500_000);
  cut.open();
  await until(async () => (await sizeOfPartial('bad')) > 1000);
  rest.open();
  for (const answer of [await broken, await slow]) expect([answer.status, answer.body.equals(bytes)]).toEqual([200, true]);
});

test('a download whose upstream breaks off for good is finished with what another upstream has brought', async () => {
  const cut = gate();
  bad.misbehave('GET', /blobs/, { stallAfter: 1000, until: cut.opened, cutAfter: 1000 });
  bad.misbehave('GET', /blobs/, { status: 500 }, 1000);
  const broken = get('bad');
  await until(() => bad.blobBytes > 0);
  expect((await get('good')).body.equals(bytes)).toBe(true);
  await until(async () => (await partials('good')).length === 0);
  cut.open();
  const answer = await broken;
  expect([answer.status, answer.body.equals(bytes)]).toEqual([200, true]);
});

test('wrong bytes of one upstream cut no clients of another one', async () => {
  const rest = gate();
  bad.misbehave('GET', /blobs/, { lie: true, stallAfter: 500_000, until: rest.opened });
  const lie = get('bad').catch(() => 'cut');
  await until(() => bad.blobBytes > 0);
  const right = get('good');
  rest.open();
  expect((await right).body.equals(bytes)).toBe(true);
  expect(await lie).toBe('cut');
});
