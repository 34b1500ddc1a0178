import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type GuardedBerth, alice, apiOf, basic, startWithAlice } from '../../support/access.ts';
import { newVisitor } from '../../support/visitor.ts';

let berth: GuardedBerth;

beforeAll(async () => {
  berth = await startWithAlice();
});
afterAll(() => berth.close());

const api = apiOf(() => berth);

describe('an access token manages nothing but itself', () => {
  test('it sees and ends itself, and no other token of its owner', async () => {
    const [own, other] = [
      await berth.administration.createToken({ account: 'alice', name: 'confined', scopes: ['alice/a:pull'] }),
      await berth.administration.createToken({ account: 'alice', name: 'other' }),
    ];
    const login = basic('alice', own.secret);
    expect((await api('GET', '/me/tokens', undefined, login)).json()).toMatchObject({ items: [{ id: own.id }] });
    expect((await api('DELETE', `/me/tokens/${other.id}`, undefined, login)).status).toBe(403);
    expect((await api('GET', '/me', undefined, basic('alice', other.secret))).status).toBe(200);
    expect((await api('DELETE', `/me/tokens/${own.id}`, undefined, login)).status).toBe(204);
    expect((await api('GET', '/me', undefined, login)).status).toBe(401);
  });

  const changes: readonly (readonly [string, string, unknown])[] = [
    ['POST', '/me/tokens', { name: 'more' }],
    ['PUT', '/me/password', { password: 'another one' }],
    ['PATCH', '/users/admin', { password: 'another one' }],
    ['POST', '/users/admin/tokens', { name: 'more' }],
    ['GET', '/users/admin/tokens', undefined],
    ['POST', '/users', { name: 'mallory', password: 'long enough', admin: true }],
    ['POST', '/robots', { name: 'mallory', grants: ['**:admin'] }],
    ['POST', '/grants', { subject: 'user:alice', pattern: '**', actions: ['admin'] }],
    ['PUT', '/visibilities', { pattern: '**', public: true }],
    ['POST', '/keys', {}],
  ];
  test.each(changes)("an admin's token cannot %s %s", async (method, path, body) => {
    const { secret } = await berth.administration.createToken({ account: 'admin', name: 'x' });
    const answer = await api(method, path, body, basic('admin', secret));
    expect([answer.status, answer.json()]).toEqual([
      403,
      expect.objectContaining({ detail: expect.stringContaining('password') }),
    ]);
  });

  test('a token or robot with `admin` of a pattern cannot manage it either', async () => {
    await berth.administration.grant('user:alice', 'led/**', 'admin');
    const token = await berth.administration.createToken({ account: 'alice', name: 'led' });
    const robot = await berth.administration.createRobot({ name: 'leader', grants: ['led/**:admin'] });
    for (const login of [basic('alice', token.secret), basic('leader', robot.secret)]) {
      expect((await api('PUT', '/visibilities', { pattern: 'led/x', public: true }, login)).status).toBe(403);
    }
    expect((await api('PUT', '/visibilities', { pattern: 'led/x', public: true }, alice)).status).toBe(204);
  });

  test('a session of the page is a login of its user', async () => {
    const visitor = newVisitor(berth);
    await visitor.post('/ui/login', { name: 'alice', password: 'wonderland' });
    expect((await visitor.post('/ui/account/tokens', { name: 'laptop', scopes: '', days: '7' })).status).toBe(303);
  });
});

describe('bounds of the API', () => {
  const inYears = (years: number) => new Date(Date.now() + years * 365.25 * 24 * 3600 * 1000).toISOString();

  test.each<readonly [string, object]>([
    ['a name of 900 kB', { name: 'x'.repeat(900_000) }],
    ['an empty name', { name: ' ' }],
    ['a name with a line break', { name: 'a\nb' }],
    ['a name with an escape character', { name: 'a\u{1b}[2J' }],
    ['a name that turns the text around it', { name: 'a\u{202e}b' }],
    ['55,000 scopes', { name: 'x', scopes: Array(55_000).fill('a:pull') }],
    ['an expiry of "1"', { name: 'x', expiresAt: '1' }],
    ['an expiry without a time', { name: 'x', expiresAt: '2099-01-01' }],
    ['an expiry in the past', { name: 'x', expiresAt: inYears(-1) }],
    ['an expiry in 101 years', { name: 'x', expiresAt: inYears(101) }],
    ['an expiry in the year 20000', { name: 'x', expiresAt: '+020000-01-01T00:00:00Z' }],
  ])('%s of a token is refused', async (_what, body) => {
    const answer = await api('POST', '/me/tokens', body, alice);
    expect([answer.status, answer.body.length < 1000]).toEqual([400, true]);
  });

  test.each<readonly [string, string, object, number]>([
    ['a robot with 101 grants', '/robots', { name: 'r', grants: Array(101).fill('a:pull') }, 400],
    ['a robot that has expired', '/robots', { name: 'r', expiresAt: inYears(-1) }, 400],
    ['a password of seven characters', '/users', { name: 'frank', password: '1234567' }, 400],
    ['a password of four characters in eight UTF-16 units', '/users', { name: 'frank', password: '😀😀😀😀' }, 400],
    ['a user name in upper case', '/users', { name: 'Frank', password: 'long enough' }, 400],
    ['the name berth', '/users', { name: 'berth', password: 'long enough' }, 400],
    ['the name anonymous', '/robots', { name: 'anonymous' }, 400],
    ['the name authenticated', '/teams', { name: 'authenticated' }, 400],
    ['a name of 129 characters', '/users', { name: 'f'.repeat(129), password: 'long enough' }, 400],
  ])('%s is refused', async (_what, path, body, status) => {
    expect((await api('POST', path, body)).status).toBe(status);
  });

  test('an error does not repeat a long input', async () => {
    const answer = await api('POST', '/grants', { subject: `user:${'x'.repeat(900_000)}`, pattern: 'a', actions: ['pull'] });
    expect([answer.status, answer.body.length < 5000]).toEqual([404, true]);
  });

  test('a subject has one colon', async () => {
    await berth.administration.createTeam('devs');
    const grant = (subject: string) => api('POST', '/grants', { subject, pattern: 'a', actions: ['pull'] });
    expect((await grant('team:devs:x')).status).toBe(404);
    expect((await grant('team:devs')).status).toBe(201);
  });
});

test('rows of an older version do not break listings', async () => {
  const at = Date.now();
  const event = { at, actor: 'test', address: '', action: 'test', target: '', result: 'done' } as const;
  const account = { name: 'old-robot', passwordHash: null, isAdmin: false, expiresAt: 8.6417e15, wantsNamespace: false };
  await berth.metadata.accounts.create({ kind: 'robot', ...account }, event);
  const token = { id: 'overlong', kind: 'personal', secretHash: 'x', expiresAt: 8.6417e15 } as const;
  const accountId = (await berth.metadata.accounts.findByName('alice'))?.id ?? 0;
  const scopes = JSON.stringify(Array(55_000).fill('a:pull'));
  await berth.metadata.tokens.create({ ...token, accountId, name: 'n'.repeat(900_000), scopes }, event);
  expect((await api('GET', '/robots')).json()).toMatchObject({
    items: expect.arrayContaining([expect.objectContaining({ name: 'old-robot', expiresAt: '9999-12-31T23:59:59.999Z' })]),
  });
  const visitor = newVisitor(berth);
  await visitor.post('/ui/login', { name: 'alice', password: 'wonderland' });
  const page = await visitor.get('/ui/account/tokens');
  expect([page.status, page.text.length < 50_000, page.text.includes('and 54900 more')]).toEqual([200, true, true]);
  expect((await visitor.post('/ui/account/tokens/overlong/revoke', {})).location).toBe('/ui/account/tokens');
});
