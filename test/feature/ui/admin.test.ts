import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type GuardedBerth, adminPassword, apiOf, askToken, basic, pushAs, startGuarded } from '../../support/access.ts';
import { startBerth } from '../../support/berth.ts';
import { call } from '../../support/call.ts';
import { type Visit, type Visitor, newVisitor } from '../../support/visitor.ts';

let berth: GuardedBerth;
let admin: Visitor;
const bob = { name: 'bob', password: 'the builder' };

beforeAll(async () => {
  berth = await startGuarded();
  await berth.administration.createUser({ ...bob, isAdmin: false });
});
afterAll(() => berth.close());
beforeEach(async () => {
  admin = await signedIn('admin', adminPassword);
});

async function signedIn(name: string, password: string): Promise<Visitor> {
  const visitor = newVisitor(berth);
  expect((await visitor.post('/ui/login', { name, password })).status).toBe(303);
  return visitor;
}

/** Sends a form and follows the redirect once. Returns the view, and its secret where it shows one. */
async function submit(path: string, form: Readonly<Record<string, string>> | URLSearchParams = {}) {
  const { status, location } = await admin.post(path, form);
  expect(status).toBe(303);
  const { text } = await admin.get(location);
  return { location, text, secret: /<code id="secret">([^<]+)<\/code>/.exec(text)?.[1] ?? '' };
}

const isValid = async (name: string, secret: string) =>
  (await call(berth, 'GET', '/token', { headers: basic(name, secret) })).status === 200;

/** The names of the fields that a view marks, and its message. */
function rejection({ status, text }: Visit) {
  const marked = [...text.matchAll(/<(?:input|textarea|select)[^>]*?name="([^"]+)"[^>]*?aria-invalid="true"/g)];
  return { status, marked: marked.map(([, name]) => name), message: /role="alert" id="problem">([^<]*)</.exec(text)?.[1] };
}

const paths = ['/ui/admin', '/ui/admin/users', '/ui/admin/users/bob', '/ui/admin/audit', '/ui/admin/explain', '/ui/admin/none'];

describe('the views of admins', () => {
  test.each(paths)('%s looks to other users as if it did not exist', async (path) => {
    const answer = await (await signedIn(bob.name, bob.password)).get(path);
    expect([answer.status, answer.text.includes('href="/ui/admin')]).toEqual([404, false]);
    expect((await newVisitor(berth).get(path)).location).toMatch(/^\/ui\/login/);
  });

  test('have a link for admins only', async () => {
    expect((await admin.get('/ui')).text).toContain('href="/ui/admin"');
    expect((await (await signedIn(bob.name, bob.password)).get('/ui')).text).not.toContain('/ui/admin');
    expect((await admin.get('/ui/admin')).location).toBe('/ui/admin/users');
  });

  test.each([
    ['/ui/admin/users', { name: 'eve' }],
    ['/ui/admin/users/bob/promote', {}],
    ['/ui/admin/robots', { name: 'eve', grants: '**:admin', days: 'never' }],
    ['/ui/admin/grants', { subject: 'user:bob', pattern: '**', action: 'admin' }],
    ['/ui/admin/teams', { name: 'eve' }],
  ])('POST %s changes nothing for other users, without a session and from another site', async (path, form) => {
    expect((await (await signedIn(bob.name, bob.password)).post(path, form)).status).toBe(404);
    expect((await newVisitor(berth).post(path, form)).location).toMatch(/^\/ui\/login/);
    for (const Origin of ['https://evil.example', 'null']) expect((await admin.post(path, form, { Origin })).status).toBe(403);
    expect(await berth.metadata.accounts.findByName('eve')).toBeUndefined();
    expect((await berth.metadata.accounts.findByName('bob'))?.isAdmin).toBe(false);
    expect(await berth.metadata.grants.list(undefined, 0, 10)).toEqual([]);
  });

  test('reading changes nothing, whatever the path', async () => {
    for (const path of ['users/bob/disable', 'users/bob/delete', 'robots/x/rotate', 'grants/1/revoke'])
      expect([303, 404]).toContain((await admin.get(`/ui/admin/${path}`)).status);
    expect((await berth.metadata.accounts.findByName('bob'))?.isDisabled).toBe(false);
  });
});

describe('users', () => {
  test('get a password that is shown once', async () => {
    const { text, secret } = await submit('/ui/admin/users', { name: 'carol', admin: 'yes' });
    expect([text.includes('carol is created'), await isValid('carol', secret)]).toEqual([true, true]);
    expect((await admin.get('/ui/admin/users')).text).not.toContain(secret);
    expect((await berth.metadata.accounts.findByName('carol'))?.isAdmin).toBe(true);
  });

  test.each([
    ['Carol!', 'invalid name'],
    ['bob', 'bob exists already'],
  ])('%s is refused, and the form keeps its input and marks the field', async (name, message) => {
    const answer = await admin.post('/ui/admin/users', { name, admin: 'yes' });
    expect(rejection(answer)).toEqual({ status: 400, marked: ['name'], message: expect.stringContaining(message) });
    expect(answer.text).toContain(`value="${name}"`);
    expect(answer.text).toMatch(/name="admin" value="yes" checked/);
  });

  test('are disabled, enabled, made admins, and get a new password', async () => {
    const { secret: first } = await submit('/ui/admin/users', { name: 'dora' });
    expect((await submit('/ui/admin/users/dora/disable')).text).toContain('dora is disabled');
    expect(await isValid('dora', first)).toBe(false);
    expect((await submit('/ui/admin/users/dora/enable')).text).toContain('dora can sign in again');
    expect((await submit('/ui/admin/users/dora/promote')).text).toContain('dora is an admin.');
    expect((await submit('/ui/admin/users/dora/demote')).text).toContain('not an admin any more');
    const { secret: second } = await submit('/ui/admin/users/dora/password');
    expect([await isValid('dora', first), await isValid('dora', second)]).toEqual([false, true]);
  });

  test('are deleted by admins who type their names', async () => {
    await submit('/ui/admin/users', { name: 'fred' });
    expect(rejection(await admin.post('/ui/admin/users/fred/delete', { confirm: 'Fred' }))).toMatchObject({
      status: 400,
      marked: ['confirm'],
    });
    expect((await submit('/ui/admin/users/fred/delete', { confirm: 'fred' })).location).toBe('/ui/admin/users');
    expect((await admin.get('/ui/admin/users/fred')).status).toBe(404);
    expect((await admin.post('/ui/admin/users/fred/disable', {})).status).toBe(404);
  });

  test('the last admin stays one, and the view says why', async () => {
    await berth.metadata.accounts.findByName('carol').then((carol) => carol && berth.administration.setAdmin('carol', false));
    expect(rejection(await admin.post('/ui/admin/users/admin/demote', {}))).toMatchObject({
      status: 400,
      message: expect.stringContaining('admin is the last admin'),
    });
  });
});

describe('robots', () => {
  test('get a secret that is shown once, and a new one that ends the old one', async () => {
    const { secret } = await submit('/ui/admin/robots', { name: 'ci', grants: 'team-a/*:pull,push', days: '30' });
    expect(await askToken(berth, basic('ci', secret), 'repository:team-a/app:pull')).toEqual(expect.any(String));
    expect((await admin.get('/ui/admin/robots')).text).not.toContain(secret);
    const { secret: kept } = await submit('/ui/admin/robots/ci/rotate', { days: '7', keep: 'yes' });
    expect([await isValid('ci', secret), await isValid('ci', kept)]).toEqual([true, true]);
    const { secret: last } = await submit('/ui/admin/robots/ci/rotate', { days: '7' });
    expect([await isValid('ci', secret), await isValid('ci', kept), await isValid('ci', last)]).toEqual([false, false, true]);
    const id = /\/ui\/admin\/robots\/ci\/tokens\/([^/]+)\/revoke/.exec((await admin.get('/ui/admin/robots/ci')).text)?.[1] ?? '';
    await submit(`/ui/admin/robots/ci/tokens/${id}/revoke`);
    expect(await isValid('ci', last)).toBe(false);
    await submit('/ui/admin/robots/ci/expiry', { days: 'never' });
    expect((await berth.metadata.accounts.findByName('ci'))?.expiresAt).toBeNull();
    await submit('/ui/admin/robots/ci/delete', { confirm: 'ci' });
    expect(await berth.metadata.accounts.findByName('ci')).toBeUndefined();
  });

  test.each([
    [{ name: 'ci2', grants: 'team-a', days: '30' }, 'grants', 'PATTERN:ACTIONS'],
    [{ name: 'ci2', grants: 'team-a/*:pull', days: '31' }, 'days', 'how long'],
  ])('%j is refused', async (form, field, message) => {
    const answer = await admin.post('/ui/admin/robots', form);
    expect(rejection(answer)).toEqual({ status: 400, marked: [field], message: expect.stringContaining(message) });
    expect([answer.text.includes('value="ci2"'), answer.text.includes(form.grants)]).toEqual([true, true]);
  });

  test('may not sign in, and neither may access tokens', async () => {
    const { secret: robot } = await berth.administration.createRobot({ name: 'intruder', grants: ['**:admin'] });
    const { secret: token } = await berth.administration.createToken({ account: 'admin', name: 'stolen' });
    for (const [name, password] of [
      ['intruder', robot],
      ['admin', token],
    ] as const)
      expect((await newVisitor(berth).post('/ui/login', { name, password })).status).toBe(401);
  });
});

test('teams have members, and grants of theirs hold until they are revoked', async () => {
  expect((await submit('/ui/admin/teams', { name: 'devs' })).location).toBe('/ui/admin/teams/devs');
  expect((await submit('/ui/admin/teams/devs/join', { account: 'bob' })).text).toContain('bob is a member');
  expect(rejection(await admin.post('/ui/admin/teams/devs/join', { account: 'zoe' }))).toEqual({
    status: 400,
    marked: ['account'],
    message: 'no account is called zoe',
  });
  const grant = new URLSearchParams({ subject: 'team:devs', pattern: 'team-a/**' });
  for (const action of ['pull', 'push']) grant.append('action', action);
  expect((await submit('/ui/admin/grants', grant)).text).toContain('team:devs has the grant for team-a/**');
  const explained = (await admin.get('/ui/admin/explain?account=bob&repository=team-a/app')).text;
  expect(explained).toContain('user:bob in team-a/app');
  expect(explained.match(/grant to <strong>team:devs/g)).toHaveLength(3);
  const team = (await admin.get('/ui/admin/teams/devs')).text;
  const id = /grants\/(\d+)\/revoke/.exec(team)?.[1] ?? '';
  expect((await submit(`/ui/admin/grants/${id}/revoke`, { next: '/ui/admin/teams/devs' })).location).toBe('/ui/admin/teams/devs');
  expect((await submit('/ui/admin/teams/devs/members/bob/remove')).text).toContain('bob is not a member any more');
  await submit('/ui/admin/teams/devs/delete', { confirm: 'devs' });
  expect((await admin.get('/ui/admin/teams/devs')).status).toBe(404);
});

test.each([
  [{ subject: 'user:zoe', pattern: 'a/*', action: 'pull' }, 'subject'],
  [{ subject: 'somebody', pattern: 'a/*', action: 'pull' }, 'subject'],
  [{ subject: 'anonymous', pattern: '/*', action: 'pull' }, 'pattern'],
  [{ subject: 'anonymous', pattern: 'a/*', action: 'fly' }, 'pattern'],
])('the grant %j is refused', async (form, field) => {
  const answer = await admin.post('/ui/admin/grants', form);
  expect(rejection(answer)).toMatchObject({ status: 400, marked: [field] });
  expect([answer.text.includes(`value="${form.subject}"`), answer.text.includes(`value="${form.pattern}"`)]).toEqual([
    true,
    true,
  ]);
});

test.each([
  ['account=zoe&repository=a/b', 'account', 'no account is called zoe'],
  ['account=bob&repository=A', 'repository', 'A is not the name of a repository'],
])('explain says what is wrong with %s', async (query, field, message) => {
  expect(rejection(await admin.get(`/ui/admin/explain?${query}`))).toEqual({ status: 200, marked: [field], message });
});

test('scheduled jobs show their last run and failure, of any process', async () => {
  const run = { name: 'backup', milliseconds: 1500 };
  await berth.metadata.jobRuns.record({ ...run, endedAt: Date.now() - 60_000, error: 'the bucket is <full>' });
  expect((await admin.get('/ui/admin/schedule')).text).toMatch(/backup[^]*?1\.50 s[^]*?failed[^]*?the bucket is &#60;full&#62;/);
  await berth.metadata.jobRuns.record({ ...run, endedAt: Date.now(), error: undefined });
  expect((await admin.get('/ui/admin/schedule')).text).toMatch(/backup[^]*?ok[^]*?the bucket is &#60;full&#62;/);
  const rows = (await apiOf(() => berth)('GET', '/schedule')).json() as { items: { name: string; failedAt: string | null }[] };
  expect(rows.items.find(({ name }) => name === 'backup')).toMatchObject({ seconds: 1.5, failedAt: expect.any(String) });
});

test('health shows the stores, the disk and the version', async () => {
  const health = (await apiOf(() => berth)('GET', '/health')).json() as { version: string; stores: { error: unknown }[] };
  expect(health.stores.map(({ error }) => error)).toEqual([null, null]);
  const { text } = await admin.get('/ui/admin/health');
  for (const shown of [health.version, 'Blob store', 'Metadata store', 'plain HTTP']) expect(text).toContain(shown);
});

test('the audit log has filters and pages', async () => {
  for (let count = 0; count < 60; count++) await berth.administration.setPublic('many/app', count % 2 === 0);
  const first = (await admin.get('/ui/admin/audit?target=many/app')).text;
  expect(first.match(/<th scope="row">/g)).toHaveLength(50);
  const next = /rel="next" href="([^"]+)"/.exec(first)?.[1]?.replaceAll('&#38;', '&') ?? '';
  const second = (await admin.get(`/ui/admin/audit${next}`)).text;
  expect([second.match(/<th scope="row">/g)?.length, second.includes('rel="next"')]).toEqual([10, false]);
  expect((await admin.get('/ui/admin/audit?actor=none')).text).toContain('There are no such lines.');
  expect((await admin.get('/ui/admin/audit?actor=admin')).text).toContain('login');
});

test('a secret that one process makes is shown by the process that gets the next request, and then by none', async () => {
  await berth.administration.createUser({ name: 'gina', password: 'first password', isAdmin: false });
  await berth.administration.createRobot({ name: 'deploy', grants: ['team-a/*:pull'] });
  await pushAs(berth, basic('admin', adminPassword), 'team-a/app', '1');
  const other = await startBerth(berth.environment);
  try {
    // The cookies of one browser, which a proxy sends to one process or the other.
    const elsewhere = newVisitor(other);
    const moveCookies = (from: Visitor, to: Visitor) => {
      to.cookies.clear();
      for (const [name, value] of from.cookies) to.cookies.set(name, value);
    };
    const shownIn = ({ text }: Visit) => /<code id="secret">([^<]+)<\/code>/.exec(text)?.[1] ?? '';
    for (const [path, form] of [
      ['/ui/admin/users', { name: 'hugo' }],
      ['/ui/admin/users/gina/password', {}],
      ['/ui/admin/robots', { name: 'build', grants: 'team-a/*:pull', days: '30' }],
      ['/ui/admin/robots/deploy/rotate', { days: '7' }],
      ['/ui/account/tokens', { name: 'laptop', scopes: '', days: '30' }],
      ['/ui/r/team-a/app/-/access/give', { kind: 'robot', subject: 'ci', action: 'pull', days: '30' }],
    ] as const) {
      const { status, location } = await admin.post(path, form);
      moveCookies(admin, elsewhere);
      const secret = shownIn(await elsewhere.get(location));
      expect({ path, status, isShown: secret !== '' }).toEqual({ path, status: 303, isShown: true });
      moveCookies(elsewhere, admin);
      for (const again of [elsewhere, admin]) expect((await again.get(location)).text).not.toContain(secret);
    }
  } finally {
    await other.close();
  }
});
