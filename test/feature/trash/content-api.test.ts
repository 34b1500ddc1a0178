import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type GuardedBerth, basic, pushAs, startGuarded } from '../../support/access.ts';
import { type Answer, call } from '../../support/call.ts';
import { digestOf } from '../../support/images.ts';

let berth: GuardedBerth;
const users = ['owner', 'reader', 'stranger'] as const;
beforeAll(async () => {
  berth = await startGuarded();
  for (const name of users) await berth.administration.createUser({ name, password: `password of ${name}`, isAdmin: false });
  await berth.administration.grant('user:owner', 'team/**', 'pull,push,delete,admin');
  await berth.administration.grant('user:reader', 'team/app', 'pull');
});
afterAll(() => berth.close());

const login = (name: string) => basic(name, `password of ${name}`);

function api(client: string, method: string, path: string, body?: object): Promise<Answer> {
  const json = body ? { 'Content-Type': 'application/json' } : {};
  return call(berth, method, `/api/v1${path}`, {
    headers: { ...login(client), ...json },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
}

const push = (repository: string, tag: string) => pushAs(berth, login('owner'), repository, tag);
const isThere = async (repository: string, reference: string) =>
  (await call(berth, 'HEAD', `/v2/${repository}/manifests/${reference}`, { headers: login('owner') })).status;

test('an image is previewed, deleted, listed in the trash, restored and emptied', async () => {
  const image = await push('team/app', '1');
  const request = { repository: 'team/app', reference: '1', reason: 'old' };
  const plan = (await api('owner', 'POST', '/deletions', { ...request, dryRun: true })).json();
  expect(plan).toEqual({ entry: null, manifests: [image.digest], tags: [{ name: '1', digest: image.digest }] });
  expect(await isThere('team/app', '1')).toBe(200);
  const { manifests, tags } = plan as { readonly manifests: unknown; readonly tags: unknown };
  const deleted = await api('owner', 'POST', '/deletions', {
    ...request,
    reference: image.digest,
    expected: { manifests, tags },
  });
  expect([deleted.status, await isThere('team/app', '1')]).toEqual([200, 404]);
  const listed = (await api('owner', 'GET', '/trash?repository=team/app')).json() as {
    readonly items: readonly { readonly id: number }[];
  };
  expect(listed.items).toMatchObject([{ repository: 'team/app', tags: ['1'], actor: 'owner', reason: 'old', cause: 'delete' }]);
  const id = listed.items[0]?.id;
  const restored = await api('owner', 'POST', `/trash/${id}/restore`, { repository: 'team/app' });
  expect([restored.status, await isThere('team/app', '1')]).toEqual([200, 200]);
  expect((await api('owner', 'POST', `/trash/${id}/restore`, { repository: 'team/app' })).status).toBe(404);
  await api('owner', 'POST', '/deletions', request);
  expect((await api('owner', 'POST', '/trash/empty', { repository: 'team/app', dryRun: true })).json()).toMatchObject({
    deleted: false,
    entries: [{ digest: image.digest, manifests: 1 }],
  });
  expect((await api('owner', 'POST', '/trash/empty', { repository: 'team/app' })).json()).toMatchObject({ deleted: true });
  expect((await api('owner', 'GET', '/trash?repository=team/app')).json()).toEqual({ items: [] });
});

test('a deletion that expects another plan answers 409 and deletes nothing', async () => {
  const image = await push('team/app', 'planned');
  const body = { repository: 'team/app', reference: image.digest, expected: { manifests: [image.digest], tags: [] } };
  expect((await api('owner', 'POST', '/deletions', body)).status).toBe(409);
  expect(await isThere('team/app', 'planned')).toBe(200);
});

test('holds are added, listed and removed, and DELETE of a held manifest answers 403 DENIED with the reason', async () => {
  const image = await push('team/app', 'held');
  const until = new Date(Date.now() + 86_400_000).toISOString();
  const hold = { repository: 'team/app', reference: 'held', reason: 'audit 2026', until };
  expect((await api('owner', 'POST', '/holds', hold)).json()).toEqual({ digest: image.digest });
  expect((await api('reader', 'GET', '/holds?repository=team/app')).json()).toMatchObject({
    items: [{ digest: image.digest, reason: 'audit 2026', actor: 'owner', until }],
  });
  const refused = await call(berth, 'DELETE', `/v2/team/app/manifests/${image.digest}`, { headers: login('owner') });
  expect([refused.status, refused.codes()]).toEqual([403, ['DENIED']]);
  expect(refused.body.toString()).toMatch(/is on hold by owner until .*: audit 2026/);
  expect((await api('owner', 'DELETE', '/holds?repository=team/app&reference=held')).status).toBe(204);
  expect((await call(berth, 'DELETE', `/v2/team/app/manifests/${image.digest}`, { headers: login('owner') })).status).toBe(202);
});

test('the history of a tag names who moved it, and a restoration undoes the last move', async () => {
  const [one, two] = [await push('team/app', 'moving'), await push('team/app', 'moving')];
  const restored = await api('owner', 'POST', '/tag-history/restore', { repository: 'team/app', tag: 'moving' });
  expect(restored.json()).toEqual({ digest: one.digest, entry: null });
  const page = await api('reader', 'GET', '/tag-history?repository=team/app&tag=moving&limit=2');
  expect(page.json()).toMatchObject({
    items: [
      { from: two.digest, to: one.digest, actor: 'owner', reason: 'restored from the history' },
      { from: one.digest, to: two.digest, actor: 'owner' },
    ],
    next: expect.any(String),
  });
});

test('a client that may not pull from a repository learns nothing about it, and one that may only pull changes nothing', async () => {
  const image = await push('team/app', 'kept');
  const body = { repository: 'team/app', reference: image.digest };
  const requests = [
    ['GET', '/trash?repository=team/app', undefined],
    ['POST', '/trash/1/restore', { repository: 'team/app' }],
    ['POST', '/trash/empty', { repository: 'team/app' }],
    ['POST', '/deletions', body],
    ['POST', '/holds', { ...body, reason: 'r' }],
    ['DELETE', `/holds?repository=team/app&reference=${image.digest}`, undefined],
    ['POST', '/tag-history/restore', { repository: 'team/app', tag: 'kept' }],
  ] as const;
  for (const [method, path, json] of requests) {
    const unknown = (text: string) => text.replaceAll('team/app', 'team/none');
    const missing = await api('stranger', method, unknown(path), json && (JSON.parse(unknown(JSON.stringify(json))) as object));
    const hidden = await api('stranger', method, path, json);
    expect([path, hidden.status, missing.status]).toEqual([path, 404, 404]);
    expect(hidden.body.toString()).toBe(missing.body.toString());
    expect([path, (await api('reader', method, path, json)).status]).toEqual([path, 403]);
  }
  for (const path of [
    `/why?repository=team/app&reference=kept`,
    '/holds?repository=team/app',
    '/tag-history?repository=team/app&tag=kept',
  ])
    expect([(await api('stranger', 'GET', path)).status, (await api('reader', 'GET', path)).status]).toEqual([404, 200]);
  expect(await isThere('team/app', 'kept')).toBe(200);
});

test('why names a repository that shares layers only to clients that may pull from it', async () => {
  const image = await push('team/app', 'shared');
  const mount = `/v2/team/other/blobs/uploads/?mount=${digestOf(image.layer)}&from=team/app`;
  expect((await call(berth, 'POST', mount, { headers: login('owner') })).status).toBe(201);
  const ask = async (client: string) =>
    (await api(client, 'GET', '/why?repository=team/app&reference=shared')).json() as {
      readonly deletion: { readonly freedBytes: number; readonly sharedBytes: number };
      readonly sharedWith: readonly unknown[];
    };
  const [full, limited] = [await ask('owner'), await ask('reader')];
  expect(full.sharedWith).toEqual([{ repository: 'team/other', bytes: image.layer.length }]);
  expect(full.deletion.sharedBytes).toBe(image.layer.length);
  expect([limited.sharedWith, limited.deletion.sharedBytes]).toEqual([[], 0]);
});
