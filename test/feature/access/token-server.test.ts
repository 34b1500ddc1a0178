import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createAdministration } from '../../../src/access/accounts/create-administration.ts';
import {
  type GuardedBerth,
  type TokenAnswer,
  accessOf,
  admin,
  alice,
  askToken,
  basic,
  callAs,
  pushAs,
  startWithAlice,
} from '../../support/access.ts';
import { call } from '../../support/call.ts';
import { until } from '../../support/until.ts';

let berth: GuardedBerth;

beforeAll(async () => {
  berth = await startWithAlice();
});
afterAll(() => berth.close());

const form = (fields: Readonly<Record<string, string>>) => ({
  body: new URLSearchParams(fields).toString(),
  headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
});
const challengeOf = async (method: string, path: string, headers = {}) =>
  (await call(berth, method, path, { headers })).headers['www-authenticate'];

describe('the challenge', () => {
  test('names the token server and the scope', async () => {
    const realm = `realm="${berth.url}/token",service="berth"`;
    expect(await challengeOf('GET', '/v2/')).toBe(`Bearer ${realm}`);
    expect(await challengeOf('GET', '/v2/app/manifests/1')).toBe(`Bearer ${realm},scope="repository:app:pull"`);
    expect(await challengeOf('POST', '/v2/app/blobs/uploads/')).toBe(`Bearer ${realm},scope="repository:app:pull,push"`);
    expect(await challengeOf('DELETE', '/v2/app/manifests/1')).toBe(`Bearer ${realm},scope="repository:app:delete"`);
    expect(await challengeOf('GET', '/v2/_catalog')).toBe(`Bearer ${realm},scope="registry:catalog:*"`);
  });

  test('names both repositories of a mount', async () => {
    const digest = `sha256:${'0'.repeat(64)}`;
    expect(await challengeOf('POST', `/v2/to/blobs/uploads/?mount=${digest}&from=from/here`)).toContain(
      'scope="repository:to:pull,push repository:from/here:pull"',
    );
  });

  test('names the error of a token', async () => {
    expect(await challengeOf('GET', '/v2/app/tags/list', { Authorization: 'Bearer nonsense' })).toContain(
      'error="invalid_token"',
    );
    const token = await askToken(berth, admin, 'repository:other:pull');
    expect(await challengeOf('GET', '/v2/app/tags/list', { Authorization: `Bearer ${token}` })).toContain(
      'error="insufficient_scope"',
    );
  });

  test('is UNAUTHORIZED whether or not the repository exists', async () => {
    await pushAs(berth, admin, 'exists', '1');
    const [there, absent] = [
      await call(berth, 'GET', '/v2/exists/manifests/1'),
      await call(berth, 'GET', '/v2/absent/manifests/1'),
    ];
    expect([there.status, there.codes()]).toEqual([401, ['UNAUTHORIZED']]);
    expect(there.body).toEqual(absent.body);
  });
});

describe('GET /token', () => {
  test('returns the fields that docker reads', async () => {
    const answer = await call(berth, 'GET', '/token?account=alice&client_id=docker&service=berth', { headers: alice });
    const body = answer.json() as TokenAnswer;
    expect(body).toMatchObject({ access_token: body.token, expires_in: 300 });
    expect(Date.parse(body.issued_at)).not.toBeNaN();
    expect(body.refresh_token).toBeUndefined();
    expect(answer.header('cache-control')).toBe('no-store');
    expect((await call(berth, 'GET', '/v2/', { headers: { Authorization: `Bearer ${body.token}` } })).status).toBe(200);
  });

  test('grants a part of the requested scopes, in one parameter or several', async () => {
    const scopes = ['repository:alice/app:pull,push,delete', 'repository:bob/app:pull,push repository:alice/x:*', 'nonsense'];
    expect(accessOf(await askToken(berth, alice, ...scopes))).toEqual([
      { type: 'repository', name: 'alice/app', actions: ['pull', 'push', 'delete'] },
      { type: 'repository', name: 'alice/x', actions: ['pull', 'push', 'delete'] },
    ]);
  });

  test('returns a token for public repositories without a login', async () => {
    expect(accessOf(await askToken(berth, undefined, 'repository:alice/app:pull'))).toEqual([]);
    await berth.administration.setPublic('free/**', true);
    await until(async () => accessOf(await askToken(berth, undefined, 'repository:free/app:pull,push')).length > 0);
    expect(accessOf(await askToken(berth, undefined, 'repository:free/app:pull,push'))).toEqual([
      { type: 'repository', name: 'free/app', actions: ['pull'] },
    ]);
  });

  test.each([
    ['a wrong password', basic('alice', 'wrong')],
    ['an unknown name', basic('nobody', 'wonderland')],
    ['an empty password', basic('alice', '')],
    ['what is no Basic', { Authorization: 'Basic !!' }],
    ['a bearer token', { Authorization: 'Bearer x' }],
  ])('%s is refused by 401, and the message does not say which half is wrong', async (_what, headers) => {
    const answer = await call(berth, 'GET', '/token', { headers });
    expect([answer.status, answer.codes()]).toEqual([401, ['UNAUTHORIZED']]);
    expect(answer.json()).toMatchObject({ details: expect.stringContaining('the name or the secret') }); // docker's
    expect(answer.body.toString()).toContain('the name or the secret');
  });
});

describe('POST /token', () => {
  test('takes grant_type=password and returns a refresh token on request', async () => {
    const fields = { grant_type: 'password', username: 'alice', password: 'wonderland', scope: 'repository:alice/a:pull' };
    const plain = (await call(berth, 'POST', '/token', form(fields))).json() as TokenAnswer;
    expect(accessOf(plain.access_token)).toHaveLength(1);
    expect(plain.refresh_token).toBeUndefined();
    const offline = (await call(berth, 'POST', '/token', form({ ...fields, access_type: 'offline' }))).json() as TokenAnswer;
    expect(offline.refresh_token).toMatch(/^berth_refresh_/);
  });

  test('a refresh token gives bearer tokens until the password changes', async () => {
    await berth.administration.createUser({ name: 'carol', password: 'first password', isAdmin: false });
    const login = await call(berth, 'GET', '/token?offline_token=true&client_id=docker', {
      headers: basic('carol', 'first password'),
    });
    const fields = { grant_type: 'refresh_token', refresh_token: (login.json() as TokenAnswer).refresh_token ?? '' };
    const answer = await call(berth, 'POST', '/token', form({ ...fields, scope: 'repository:carol/a:pull,push' }));
    expect(accessOf((answer.json() as TokenAnswer).token)).toHaveLength(1);
    await berth.administration.setPassword('carol', 'second password');
    expect((await call(berth, 'POST', '/token', form(fields))).status).toBe(401);
  });

  test.each([{ grant_type: 'authorization_code' }, {}])('%j is refused by 400', async (fields) => {
    expect((await call(berth, 'POST', '/token', form(fields))).status).toBe(400);
  });

  test('a form that is too large is refused', async () => {
    expect((await call(berth, 'POST', '/token', form({ scope: 'x'.repeat(100_000) }))).status).toBe(413);
  });
});

describe('Basic on /v2/', () => {
  test('logs in clients without the token protocol', async () => {
    expect((await call(berth, 'GET', '/v2/', { headers: alice })).status).toBe(200);
    const started = await call(berth, 'POST', '/v2/alice/app/blobs/uploads/', { headers: { ...alice, 'Content-Length': 0 } });
    expect(started.status).toBe(202);
    const wrong = await call(berth, 'GET', '/v2/', { headers: basic('alice', 'wrong') });
    expect([wrong.status, wrong.codes()]).toEqual([401, ['UNAUTHORIZED']]);
    expect(wrong.headers['www-authenticate']).toMatch(/^Bearer /);
  });
});

describe('revocation ends', () => {
  const outcome = async (headers: Readonly<Record<string, string>>, path = '/v2/') =>
    (await call(berth, 'GET', path, { headers })).status;

  test('a personal access token and its bearer tokens', async () => {
    const { id, secret } = await berth.administration.createToken({ account: 'alice', name: 'laptop' });
    const login = basic('alice', secret);
    const bearer = { Authorization: `Bearer ${await askToken(berth, login)}` };
    expect([await outcome(login), await outcome(bearer)]).toEqual([200, 200]);
    expect(await outcome(basic('admin', secret))).toBe(401);
    expect((await berth.metadata.tokens.find(id))?.lastUsedAt).toBeGreaterThan(0);
    await berth.administration.revokeToken('alice', id);
    await until(async () => (await outcome(bearer)) === 401);
    expect(await outcome(login)).toBe(401);
  });

  test('an expired token, and a limited token does no more than its scopes allow', async () => {
    const anHourAgo = createAdministration(berth.metadata, { name: 'test', address: '' }, () => Date.now() - 3_600_000);
    const expired = await anHourAgo.createToken({ account: 'alice', name: 'old', expiresAt: Date.now() - 1 });
    expect(await outcome(basic('alice', expired.secret))).toBe(401);
    const confined = await berth.administration.createToken({ account: 'alice', name: 'ci', scopes: ['alice/app:pull'] });
    const login = basic('alice', confined.secret);
    expect(accessOf(await askToken(berth, login, 'repository:alice/app:pull,push', 'repository:alice/b:pull'))).toEqual([
      { type: 'repository', name: 'alice/app', actions: ['pull'] },
    ]);
  });

  test('the bearer tokens, passwords and secrets of a user for ever', async () => {
    await berth.administration.createUser({ name: 'dave', password: 'dave of berth', isAdmin: false });
    const login = basic('dave', 'dave of berth');
    const bearer = { Authorization: `Bearer ${await askToken(berth, login)}` };
    expect(await outcome(bearer)).toBe(200);
    await berth.administration.setDisabled('dave', true);
    await until(async () => (await outcome(bearer)) === 401);
    expect(await outcome(login)).toBe(401);
    await berth.administration.setDisabled('dave', false);
    await until(async () => (await outcome(login)) === 200);
    expect(await outcome(bearer)).toBe(401);
  });

  test('a grant also in existing bearer tokens', async () => {
    await pushAs(berth, admin, 'shared/app', '1');
    const id = await berth.administration.grant('user:alice', 'shared/**', 'pull');
    await until(async () => (await outcome(alice, '/v2/shared/app/tags/list')) === 200);
    const bearer = { Authorization: `Bearer ${await askToken(berth, alice, 'repository:shared/app:pull')}` };
    expect(await outcome(bearer, '/v2/shared/app/tags/list')).toBe(200);
    await berth.administration.revokeGrant(id);
    await until(async () => (await outcome(bearer, '/v2/shared/app/tags/list')) === 404);
  });
});

describe('robots and teams', () => {
  test('a robot has a secret and its grants', async () => {
    const { secret } = await berth.administration.createRobot({ name: 'builder', grants: ['ci/*:pull,push'] });
    await pushAs(berth, basic('builder', secret), 'ci/app', '1');
    await expect(pushAs(berth, basic('builder', secret), 'ci/deep/app', '1')).rejects.toThrow('403');
  });

  test('a member has the grants of the team until it leaves', async () => {
    await berth.administration.createTeam('devs');
    await berth.administration.grant('team:devs', 'devs/**', 'pull,push');
    await berth.administration.addMember('devs', 'alice');
    await until(async () => accessOf(await askToken(berth, alice, 'repository:devs/a:pull')).length === 1);
    await pushAs(berth, alice, 'devs/a', '1');
    await berth.administration.removeMember('devs', 'alice');
    await until(async () => (await callAs(berth, alice, 'GET', '/v2/devs/a/manifests/1')).status === 404);
  });

  test('a subject that may add tags may not move them, also not with ?tag=', async () => {
    const { secret } = await berth.administration.createRobot({ name: 'adder', grants: ['release/**:pull,add'] });
    const adder = basic('adder', secret);
    await pushAs(berth, adder, 'release/app', 'v1');
    await expect(pushAs(berth, adder, 'release/app', 'v1')).rejects.toThrow('403');
    await pushAs(berth, adder, 'release/app', 'v2');
    await pushAs(berth, admin, 'release/app', 'v1');
    const answer = await callAs(berth, admin, 'GET', '/v2/release/app/manifests/v2');
    const moved = await callAs(
      berth,
      adder,
      'PUT',
      `/v2/release/app/manifests/${answer.header('docker-content-digest')}?tag=v1`,
      {
        body: answer.body,
        headers: { 'Content-Type': answer.header('content-type') },
      },
    );
    expect([moved.status, moved.codes()]).toEqual([403, ['DENIED']]);
  });
});

test('the first admin does not change with the configuration', async () => {
  const other = await berth.metadata.accounts.createFirstAdmin('intruder', 'x', {
    at: 0,
    actor: '',
    address: '',
    action: 'user.create',
    target: 'intruder',
    result: 'done',
  });
  expect(other).toBe(false);
  await expect(berth.administration.setAdmin('admin', false)).rejects.toThrow('last admin');
  await expect(berth.administration.deleteAccount('admin')).rejects.toThrow('last admin');
  await expect(berth.administration.setDisabled('admin', true)).rejects.toThrow('last admin');
});
