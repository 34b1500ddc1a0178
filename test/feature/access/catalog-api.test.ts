import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type GuardedBerth, adminPassword, askToken, basic, pushAs, startWithAlice } from '../../support/access.ts';
import { call } from '../../support/call.ts';
import { pushDescribed } from '../../support/described-image.ts';
import { digestOf, newImage, newIndex } from '../../support/images.ts';

let berth: GuardedBerth;
const [admin, alice] = [basic('admin', adminPassword), basic('alice', 'wonderland')];
const get = async (path: string, login = admin) => {
  const { status, body } = await call(berth, 'GET', `/api/v1/${path}`, { headers: login });
  return { status, body: JSON.parse(body.toString()) as { items: { name: string }[]; next?: string } & Record<string, unknown> };
};
const names = async (path: string, login = admin) => (await get(path, login)).body.items.map(({ name }) => name);

beforeAll(async () => {
  berth = await startWithAlice();
  for (const name of ['team/a', 'team/b', 'other/c', 'alice/app']) await pushAs(berth, admin, name, 'v1');
  const token = await askToken(berth, admin, 'repository:team/multi:pull,push');
  await pushDescribed(berth, 'team/multi', '1', { Authorization: `Bearer ${token}` }, ['linux/amd64', 'linux/arm64']);
});
afterAll(() => berth.close());

test('lists the repositories that the login may pull, by prefix and in pages', async () => {
  expect(await names('repositories')).toEqual(['alice/app', 'other/c', 'team/a', 'team/b', 'team/multi']);
  expect(await names('repositories', alice)).toEqual(['alice/app']);
  expect(await names('repositories?prefix=team/', alice)).toEqual([]);
  const page = await get('repositories?prefix=team/&limit=2');
  expect(page.body).toMatchObject({ items: [{ name: 'team/a' }, { name: 'team/b' }], next: 'team/b' });
  expect((await get('repositories?prefix=team/&limit=2&after=team/b')).body).toEqual({ items: [{ name: 'team/multi' }] });
});

test('lists tags with their manifests and times', async () => {
  const { body } = await get('tags?repository=team/multi');
  expect(body.items).toEqual([
    {
      name: '1',
      digest: expect.stringMatching(/^sha256:/),
      kind: 'index',
      taggedAt: expect.stringMatching(/Z$/),
      pulledAt: null,
    },
  ]);
});

test('describes the image of the wanted platform', async () => {
  const { body } = await get('image?repository=team/multi&reference=1&platform=linux/arm64');
  expect(body).toMatchObject({
    kind: 'index',
    tags: ['1'],
    platforms: [
      { platform: 'linux/amd64', isShown: false },
      { platform: 'linux/arm64', isShown: true },
    ],
    image: { config: { platform: 'linux/arm64', environment: ['PATH=/usr/bin', 'VERSION=1.9'] } },
  });
  expect((await get('image?repository=team/multi&reference=1&platform=arm')).status).toBe(400);
  expect((await get('image?repository=team/multi&reference=2')).status).toBe(404);
});

test('answers the same for a repository that the login may not pull and for one that is not there', async () => {
  for (const path of ['tags?', 'image?reference=v1&']) {
    const hidden = await get(`${path}repository=team/a`, alice);
    const missing = await get(`${path}repository=no/such`, alice);
    const shown = ({ body }: typeof hidden) => ({ ...body, requestId: undefined, instance: undefined });
    expect([hidden.status, JSON.stringify(shown(hidden)).replaceAll('team/a', 'NAME')]).toEqual([
      404,
      JSON.stringify(shown(missing)).replaceAll('no/such', 'NAME'),
    ]);
  }
});

test('describes an index whose images have no platform without an image', async () => {
  const child = newImage();
  const index = newIndex([child]);
  expect(index).not.toContain('platform');
  const token = await askToken(berth, admin, 'repository:team/plain:pull,push');
  const headers = { Authorization: `Bearer ${token}` };
  for (const blob of [child.layer, child.config]) {
    await call(berth, 'POST', `/v2/team/plain/blobs/uploads/?digest=${digestOf(blob)}`, { headers, body: blob });
  }
  const put = (reference: string, body: string, type: string) =>
    call(berth, 'PUT', `/v2/team/plain/manifests/${reference}`, { headers: { ...headers, 'Content-Type': type }, body });
  await put(child.digest, child.manifest, 'application/vnd.oci.image.manifest.v1+json');
  await put('1', index, 'application/vnd.oci.image.index.v1+json');
  const { status, body } = await get('image?repository=team/plain&reference=1');
  expect([status, body['platforms'], body['image']]).toEqual([200, [], undefined]);
});
