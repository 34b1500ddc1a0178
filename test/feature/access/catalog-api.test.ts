import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type GuardedBerth, adminPassword, apiOf, askToken, basic, pushAs, startWithAlice } from '../../support/access.ts';
import { call } from '../../support/call.ts';
import { pushDescribed } from '../../support/described-image.ts';
import { digestOf, newImage, newIndex } from '../../support/images.ts';
import { until } from '../../support/until.ts';

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
  expect(page.body['total']).toEqual({ count: 3, isExact: true });
  const last = (await get('repositories?prefix=team/&limit=2&after=team/b')).body;
  expect([last.items.map(({ name }) => name), last.next, last['previous']]).toEqual([['team/multi'], undefined, 'team/multi']);
  expect(await names('repositories?prefix=team/&limit=2&before=team/multi')).toEqual(['team/a', 'team/b']);
});

test('lists tags with their images, who pushed them and what each platform downloads', async () => {
  const listed = async () => (await get('tags?repository=team/multi')).body.items[0] as unknown as { platforms: object[] };
  await until(async () => (await listed()).platforms.length > 0);
  expect(await listed()).toEqual({
    name: '1',
    digest: expect.stringMatching(/^sha256:/),
    kind: 'index',
    platforms: ['linux/amd64', 'linux/arm64'].map((platform) => ({
      platform,
      digest: expect.stringMatching(/^sha256:/),
      downloadBytes: expect.any(Number),
    })),
    taggedAt: expect.stringMatching(/Z$/),
    taggedBy: 'admin',
    pulledAt: null,
    isSigned: false,
    hasSbom: false,
    otherNames: [],
  });
});

test('sorts repositories by size, tags and last push over all of them', async () => {
  await pushAs(berth, admin, 'other/c', 'v2');
  expect((await names('repositories?sort=pushed&limit=1'))[0]).toBe('other/c');
  expect((await names('repositories?sort=tags&limit=1'))[0]).toBe('other/c');
  expect((await names('repositories?sort=size&limit=1'))[0]).toBe('team/multi');
  expect((await names('repositories?sort=tags&direction=asc')).at(-1)).toBe('other/c');
  const newest = (await get('repositories?sort=pushed&limit=1')).body.next;
  expect((await names(`repositories?sort=pushed&limit=1&after=${newest}`))[0]).toBe('team/multi');
  expect(await names('repositories?origin=mirrored')).toEqual([]);
});

test('describes a repository for everybody who may pull it, and takes its description from its admins', async () => {
  await berth.administration.createUser({ name: 'bob', password: 'builder-12', isAdmin: false });
  await berth.administration.grant('user:bob', 'team/**', 'pull');
  const bob = basic('bob', 'builder-12');
  const patch = (body: object, login = admin) =>
    apiOf(() => berth)('PATCH', '/repository', { repository: 'team/a', ...body }, login);
  expect((await patch({ description: 'x' }, bob)).status).toBe(403);
  expect((await patch({ description: 'x' }, alice)).status).toBe(404);
  expect((await patch({ description: ' Serves\n pages ', readme: '# Web' })).status).toBe(200);
  expect((await patch({ readme: '# Web pages' })).status).toBe(200);
  const wanted = { name: 'team/a', description: 'Serves pages', readme: '# Web pages', describedBy: 'admin', tags: 1 };
  expect((await get('repository?repository=team/a', bob)).body).toMatchObject(wanted);
  expect((await get('repository?repository=team/a', alice)).status).toBe(404);
  const tooLong = await patch({ readme: 'é'.repeat(33_000) });
  expect([tooLong.status, tooLong.body.toString()]).toEqual([400, expect.stringContaining('at most 64 KiB')]);
  expect((await patch({ description: 'd'.repeat(301) })).status).toBe(400);
});

test('stars are those of the account, and count for all', async () => {
  const api = apiOf(() => berth);
  expect((await api('PUT', '/stars', { repository: 'team/a' }, alice)).status).toBe(404);
  for (const login of [admin, admin]) expect((await api('PUT', '/stars', { repository: 'team/b' }, login)).status).toBe(204);
  expect((await api('PUT', '/stars', { repository: 'alice/app' }, alice)).status).toBe(204);
  expect(await names('repositories?starred=true')).toEqual(['team/b']);
  expect(await names('repositories?starred=true', alice)).toEqual(['alice/app']);
  expect((await get('repositories?prefix=alice/')).body.items[0]).toMatchObject({ stars: 1, isStarred: false });
  expect((await api('DELETE', '/stars?repository=team/b')).status).toBe(204);
  expect(await names('repositories?starred=true')).toEqual([]);
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
