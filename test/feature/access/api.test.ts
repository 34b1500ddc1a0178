import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { hashSync } from 'bcryptjs';
import { type GuardedBerth, admin, alice, apiOf, askToken, basic, callAs, pushAs, startWithAlice } from '../../support/access.ts';
import { call } from '../../support/call.ts';
import { until } from '../../support/until.ts';

let berth: GuardedBerth;

beforeAll(async () => {
  berth = await startWithAlice();
});
afterAll(() => berth.close());

const api = apiOf(() => berth);
const items = async (path: string) => ((await api('GET', path)).json() as { items: Record<string, unknown>[] }).items;

describe('users', () => {
  test('create, show, list, change, delete', async () => {
    expect((await api('POST', '/users', { name: 'erin', password: 'first password' })).status).toBe(201);
    expect((await api('GET', '/users/erin')).json()).toMatchObject({ name: 'erin', admin: false, disabled: false });
    expect((await items('/users')).map(({ name }) => name)).toEqual(['admin', 'alice', 'erin']);
    expect((await api('PATCH', '/users/erin', { password: 'second password', admin: true })).json()).toMatchObject({
      admin: true,
    });
    expect((await api('GET', '/me', undefined, basic('erin', 'second password'))).json()).toEqual({
      name: 'erin',
      kind: 'user',
      admin: true,
    });
    expect((await api('DELETE', '/users/erin')).status).toBe(204);
    expect((await api('GET', '/users/erin')).status).toBe(404);
    expect((await api('GET', '/me', undefined, basic('erin', 'second password'))).status).toBe(401);
  });

  test('no answer has a password or its hash', async () => {
    const text = (await api('GET', '/users')).body.toString() + (await api('GET', '/users/alice')).body.toString();
    expect(text).not.toMatch(/scrypt|password|hash/i);
  });

  test.each([
    ['a name with a colon', { name: 'a:b', password: 'long enough' }, 400],
    ['an empty password', { name: 'frank', password: '' }, 400],
    ['a field that does not exist', { name: 'frank', password: 'long enough', isAdmin: true }, 400],
    ['a name that is taken', { name: 'alice', password: 'long enough' }, 409],
    ['a list', [], 400],
  ])('%s is refused with a problem', async (_what, body, status) => {
    const answer = await api('POST', '/users', body);
    expect([answer.status, answer.header('content-type')]).toEqual([status, 'application/problem+json; charset=utf-8']);
    expect(answer.json()).toMatchObject({ status, detail: expect.any(String) });
  });

  test('the last admin cannot lose its rights', async () => {
    expect((await api('PATCH', '/users/admin', { admin: false })).status).toBe(409);
    expect((await api('PATCH', '/users/admin', { disabled: true })).status).toBe(409);
    expect((await api('DELETE', '/users/admin')).status).toBe(409);
  });

  test('an htpasswd file is imported, and its hashes become scrypt at the next login', async () => {
    const hash = hashSync('secret', 5);
    const file = `grace:${hash}\nalice:${hash}\n`;
    expect((await api('POST', '/htpasswd', { file })).json()).toMatchObject({ created: ['grace'] });
    expect((await api('GET', '/me', undefined, alice)).status).toBe(200);
    expect((await api('GET', '/me', undefined, basic('grace', 'wrong'))).status).toBe(401);
    expect((await api('GET', '/me', undefined, basic('grace', 'secret'))).status).toBe(200);
    expect((await berth.metadata.accounts.findByName('grace'))?.passwordHash).toMatch(/^scrypt\$/);
    expect((await api('GET', '/me', undefined, basic('grace', 'secret'))).status).toBe(200);
    const answer = await api('POST', '/htpasswd', { file: 'heidi:{SHA}abc\n' });
    expect([answer.status, answer.body.toString()]).toEqual([400, expect.stringContaining('line 1: heidi has no bcrypt hash')]);
  });
});

describe('a client that is not an admin', () => {
  const calls: readonly (readonly [string, string, unknown])[] = [
    ['GET', '/users', undefined],
    ['POST', '/users', { name: 'x', password: 'x', admin: true }],
    ['GET', '/users/admin', undefined],
    ['PATCH', '/users/alice', { admin: true }],
    ['DELETE', '/users/admin', undefined],
    ['GET', '/users/admin/tokens', undefined],
    ['POST', '/users/admin/tokens', { name: 'x' }],
    ['GET', '/robots', undefined],
    ['POST', '/robots', { name: 'x', grants: ['**:admin'] }],
    ['GET', '/teams', undefined],
    ['POST', '/teams', { name: 'x' }],
    ['PUT', '/teams/x/members/alice', {}],
    ['GET', '/grants', undefined],
    ['POST', '/grants', { subject: 'user:alice', pattern: '**', actions: ['admin'] }],
    ['POST', '/grants', { subject: 'user:alice', pattern: 'alice/**', actions: ['admin'] }],
    ['DELETE', '/grants/1', undefined],
    ['GET', '/visibilities', undefined],
    ['PUT', '/visibilities', { pattern: '**', public: true }],
    ['GET', '/audit', undefined],
    ['POST', '/keys', {}],
    ['POST', '/htpasswd', { file: '' }],
  ];

  test.each(calls)('%s %s is refused, without and with a login', async (method, path, body) => {
    expect((await api(method, path, body, {})).status).toBe(401);
    expect((await api(method, path, body, alice)).status).toBe(403);
    const bearer = await askToken(berth, admin, 'registry:catalog:*', 'repository:a:*');
    expect((await api(method, path, body, { Authorization: `Bearer ${bearer}` })).status).toBe(403);
  });

  test('may see its account, change its password and create tokens for itself', async () => {
    const created = await api('POST', '/me/tokens', { name: 'laptop', scopes: ['alice/*:pull'] }, alice);
    const { id, secret } = created.json() as { id: string; secret: string };
    expect(await (await api('GET', '/me/tokens', undefined, alice)).json()).toMatchObject({
      items: [{ id, name: 'laptop', scopes: ['alice/*:pull'] }],
    });
    expect((await api('GET', '/me/tokens', undefined, alice)).body.toString()).not.toContain(secret.slice(10));
    expect((await api('GET', '/me', undefined, basic('alice', secret))).status).toBe(200);
    expect((await api('POST', '/me/tokens', { name: 'more' }, basic('alice', secret))).status).toBe(403);
    expect((await api('PUT', '/me/password', { password: 'x' }, basic('alice', secret))).status).toBe(403);
    expect((await api('DELETE', `/me/tokens/${id}`, undefined, alice)).status).toBe(204);
    expect((await api('GET', '/me', undefined, basic('alice', secret))).status).toBe(401);
  });

  test('cannot revoke the token of another account', async () => {
    const { id } = await berth.administration.createToken({ account: 'admin', name: 'x' });
    expect((await api('DELETE', `/me/tokens/${id}`, undefined, alice)).status).toBe(404);
  });
});

describe('teams, grants, visibility', () => {
  test('a user with admin of a pattern manages it and no other pattern', async () => {
    await api('POST', '/grants', { subject: 'user:alice', pattern: 'led/**', actions: ['admin'] });
    const given = await api('POST', '/grants', { subject: 'anonymous', pattern: 'led/open', actions: ['pull'] }, alice);
    expect(given.status).toBe(201);
    expect((await api('PUT', '/visibilities', { pattern: 'led/free/**', public: true }, alice)).status).toBe(204);
    for (const pattern of ['**', 'led*', 'other', 'led']) {
      expect((await api('PUT', '/visibilities', { pattern, public: true }, alice)).status).toBe(403);
      expect((await api('POST', '/grants', { subject: 'user:alice', pattern, actions: ['pull'] }, alice)).status).toBe(403);
    }
    expect((await api('DELETE', `/grants/${(given.json() as { id: number }).id}`, undefined, alice)).status).toBe(204);
  });

  test('a grant takes effect at once in the process that made it', async () => {
    await pushAs(berth, admin, 'given/app', '1');
    expect((await callAs(berth, alice, 'GET', '/v2/given/app/tags/list')).status).toBe(404);
    const { id } = (await api('POST', '/grants', { subject: 'user:alice', pattern: 'given/*', actions: ['pull'] })).json() as {
      id: number;
    };
    expect((await callAs(berth, alice, 'GET', '/v2/given/app/tags/list')).status).toBe(200);
    expect(await items('/grants')).toContainEqual({ id, subject: 'user:alice', pattern: 'given/*', actions: ['pull'] });
    await api('DELETE', `/grants/${id}`);
    expect((await callAs(berth, alice, 'GET', '/v2/given/app/tags/list')).status).toBe(404);
  });

  test('a team has members', async () => {
    expect((await api('POST', '/teams', { name: 'ops' })).status).toBe(201);
    expect((await api('PUT', '/teams/ops/members/alice')).status).toBe(204);
    expect((await api('GET', '/teams/ops')).json()).toEqual({ name: 'ops', members: ['alice'] });
    expect((await api('DELETE', '/teams/ops/members/alice')).status).toBe(204);
    expect((await api('DELETE', '/teams/ops')).status).toBe(204);
    expect((await api('GET', '/teams/ops')).status).toBe(404);
  });

  test('a robot has a secret that is shown once, and an expiry in the future', async () => {
    const answer = await api('POST', '/robots', { name: 'ci', grants: ['ci/**:pull,push'], expiresAt: '2099-01-01T00:00:00Z' });
    const { secret } = answer.json() as { secret: string };
    await pushAs(berth, basic('ci', secret), 'ci/app', '1');
    expect((await items('/robots')).find(({ name }) => name === 'ci')).toMatchObject({ expiresAt: '2099-01-01T00:00:00.000Z' });
    expect((await api('POST', '/robots', { name: 'old', expiresAt: '2001-01-01T00:00:00Z' })).status).toBe(400);
  });
});

describe('the audit log', () => {
  test('records actor, action, time, address and result, and no secrets', async () => {
    await pushAs(berth, alice, 'alice/audited', '1');
    await call(berth, 'GET', '/v2/', { headers: basic('alice', 'not it, but secret') });
    await expect(pushAs(berth, alice, 'elsewhere/app', '1')).rejects.toThrow('403');
    await until(async () => (await items('/audit?actor=alice')).some(({ target }) => target === 'elsewhere/app'));
    const own = await items('/audit?actor=alice&limit=1000');
    expect(own).toContainEqual({
      at: expect.stringMatching(/^20\d\d-/),
      actor: 'alice',
      address: '127.0.0.1',
      action: 'manifest.push',
      target: 'alice/audited',
      result: 'done',
      detail: { digest: expect.stringMatching(/^sha256:/), tags: [{ name: '1', before: null }] },
    });
    expect(own).toContainEqual(expect.objectContaining({ action: 'login', result: 'refused' }));
    expect(own).toContainEqual(expect.objectContaining({ action: 'add', target: 'elsewhere/app', result: 'refused' }));
    const everything = JSON.stringify(await items('/audit?limit=1000'));
    expect(everything).toContain('user.create');
    expect(everything).not.toMatch(/not it, but secret|wonderland|scrypt|berth_(?:pat|robot)_/);
  });

  test('is read in pages, newest first', async () => {
    const first = (await api('GET', '/audit?limit=2')).json() as { items: { at: string }[]; next: string };
    const second = (await api('GET', `/audit?limit=2&after=${first.next}`)).json() as typeof first;
    expect(first.items).toHaveLength(2);
    expect(second.items).toHaveLength(2);
    expect(second.next).not.toBe(first.next);
  });
});

test('a new key signs, tokens of the old key stay valid, and both keys are published', async () => {
  const before = { Authorization: `Bearer ${await askToken(berth, admin)}` };
  expect((await api('POST', '/keys', {})).status).toBe(204);
  const { keys } = (await call(berth, 'GET', '/.well-known/jwks.json')).json() as { keys: Record<string, string>[] };
  expect(keys).toHaveLength(2);
  for (const key of keys) expect(Object.keys(key).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']);
  expect((await call(berth, 'GET', '/v2/', { headers: before })).status).toBe(200);
  const header = JSON.parse(Buffer.from((await askToken(berth, admin)).split('.')[0] ?? '', 'base64url').toString()) as {
    kid: string;
  };
  expect(header.kid).toBe(keys[0]?.['kid']);
});

test.each([
  ['PUT', '/api/v1/me', 'GET, HEAD'],
  ['PATCH', '/api/v1/grants', 'GET, HEAD, POST'],
  ['POST', '/api/v1/users/alice', 'GET, HEAD, PATCH, DELETE'],
  ['DELETE', '/token', 'GET, HEAD, POST'],
])('%s %s answers 405 and names the methods of the path', async (method, path, allow) => {
  const answer = await call(berth, method, path, { headers: admin });
  expect([answer.status, answer.header('allow')]).toEqual([405, allow]);
});
