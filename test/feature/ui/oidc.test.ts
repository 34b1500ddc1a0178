import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type GuardedBerth, startGuarded } from '../../support/access.ts';
import { type OidcProvider, oidcSettings, startOidcProvider } from '../../support/oidc-provider.ts';
import { until } from '../../support/until.ts';
import { type Visit, type Visitor, newVisitor } from '../../support/visitor.ts';

let provider: OidcProvider;
let berth: GuardedBerth;
let visitor: Visitor;

beforeAll(async () => {
  provider = await startOidcProvider();
  berth = await startGuarded(oidcSettings(provider));
});
afterAll(() => Promise.all([berth.close(), provider.close()]));
beforeEach(() => {
  visitor = newVisitor(berth);
});
afterEach(() => {
  Object.assign(provider, { claims: {}, algorithm: 'RS256' });
});

/** From the button to the way back from the provider, which is not gone yet. */
async function goToProvider(browser: Visitor = visitor): Promise<string> {
  const { location } = await browser.get('/ui/oidc');
  return (await browser.get(location)).location;
}
const logIn = async (browser: Visitor = visitor): Promise<Visit> => browser.get(await goToProvider(browser));
const isLoggedIn = async (browser: Visitor = visitor) => (await browser.get('/ui')).status === 200;

async function expectRefused(visit: Visit, message: string): Promise<void> {
  expect([visit.status, visit.text]).toEqual([403, expect.stringContaining(message)]);
  expect(await isLoggedIn()).toBe(false);
}

describe('a login with the provider', () => {
  test.each(['RS256', 'ES256'] as const)('creates an account for a new user (%s)', async (algorithm) => {
    const name = `new-${algorithm.toLowerCase()}`;
    Object.assign(provider, { algorithm, claims: { sub: `s-${algorithm}`, preferred_username: name } });
    expect((await visitor.get('/ui/login')).text).toContain('Sign in with Example &#60;Corp&#62;');
    expect((await logIn()).location).toBe('/ui');
    expect((await visitor.get('/ui')).text).toContain(`<strong class="user">${name}</strong>`);
    expect(await berth.metadata.accounts.findByName(name)).toMatchObject({ kind: 'user', isAdmin: false, passwordHash: null });
  });

  test('finds the account by the subject, also after the name has changed', async () => {
    provider.claims = { sub: 'carol', preferred_username: 'carol' };
    await logIn();
    provider.claims = { sub: 'carol', preferred_username: 'carol-married' };
    const again = newVisitor(berth);
    await logIn(again);
    expect((await again.get('/ui')).text).toContain('<strong class="user">carol</strong>');
    expect(await berth.metadata.accounts.findByName('carol-married')).toBeUndefined();
  });

  test('makes no user an admin and keeps admins', async () => {
    provider.claims = { sub: 'dora', preferred_username: 'dora', admin: true, roles: ['admin'], groups: ['admin'] };
    await logIn();
    expect((await berth.metadata.accounts.findByName('dora'))?.isAdmin).toBe(false);
    await berth.administration.setAdmin('dora', true);
    await logIn(newVisitor(berth));
    expect((await berth.metadata.accounts.findByName('dora'))?.isAdmin).toBe(true);
  });

  test('keeps the attempt in a cookie that no script and no other site can use, for ten minutes', async () => {
    await visitor.get('/ui/oidc');
    expect(visitor.attributes.get('berth-oidc')).toBe('Path=/; HttpOnly; SameSite=Lax; Max-Age=600');
  });

  test('is in the audit log, also if it is refused', async () => {
    provider.claims = { sub: 'erik', preferred_username: 'erik' };
    await logIn();
    provider.claims = { sub: 'not erik', preferred_username: 'erik' };
    await logIn(newVisitor(berth));
    const lines = async () =>
      (await berth.metadata.audit.list({ target: 'erik' }, Number.MAX_SAFE_INTEGER, 10)).map(
        ({ action, result }) => `${action} ${result}`,
      );
    await until(async () => (await lines()).includes('login refused'));
    expect((await lines()).sort()).toEqual(['login done', 'login refused', 'session.open done', 'user.create done']);
  });
});

describe('a refused login', () => {
  const frank = { sub: 'frank', preferred_username: 'frank' };
  beforeEach(() => {
    provider.claims = frank;
  });
  afterEach(async () => expect(await berth.metadata.accounts.findByName('frank')).toBeUndefined());

  test('a wrong state', async () => {
    const back = new URL(await goToProvider());
    back.searchParams.set('state', 'another');
    await expectRefused(await visitor.get(back.href), 'was not begun in this browser');
  });

  test('no state', async () => {
    const back = new URL(await goToProvider());
    back.searchParams.delete('state');
    await expectRefused(await visitor.get(back.href), 'was not begun in this browser');
  });

  test('an attempt of another browser', async () => {
    const back = await goToProvider(newVisitor(berth));
    await expectRefused(await visitor.get(back), 'was not begun in this browser');
    await goToProvider();
    await expectRefused(await visitor.get(back), 'was not begun in this browser');
  });

  test('a code of another login with the state of this one, by PKCE', async () => {
    const other = new URL(await goToProvider(newVisitor(berth)));
    const own = new URL(await goToProvider());
    own.searchParams.set('code', other.searchParams.get('code') ?? '');
    await expectRefused(await visitor.get(own.href), 'begin again');
  });

  test('an error of the provider, or an answer of another provider', async () => {
    const denied = new URL(await goToProvider());
    denied.searchParams.delete('code');
    denied.searchParams.set('error', 'access_denied');
    await expectRefused(await visitor.get(denied.href), 'has not let you in');
    const mixed = new URL(await goToProvider());
    mixed.searchParams.set('iss', 'https://elsewhere.example');
    await expectRefused(await visitor.get(mixed.href), 'was not begun in this browser');
  });

  const now = Math.floor(Date.now() / 1000);
  test.each<readonly [string, object, string]>([
    ['a wrong nonce', { nonce: 'another' }, 'was not begun in this browser'],
    ['no nonce', { nonce: undefined }, 'was not begun in this browser'],
    ['another audience', { aud: 'elsewhere' }, 'not good'],
    ['several audiences and no authorized party', { aud: ['berth', 'elsewhere'] }, 'not good'],
    ['another authorized party', { aud: ['berth', 'elsewhere'], azp: 'elsewhere' }, 'not good'],
    ['another issuer', { iss: 'https://elsewhere.example' }, 'not good'],
    ['an expired token', { exp: now - 600 }, 'not good'],
    ['no subject', { sub: undefined }, 'not good'],
    ['no name', { preferred_username: undefined }, 'has not said your name'],
    ['a name that none can have', { preferred_username: '../frank' }, 'by a name that no account can have'],
  ])('%s', async (_what, wrong, message) => {
    provider.claims = { ...frank, ...wrong };
    await expectRefused(await logIn(), message);
  });
});

describe('codes', () => {
  test('are valid once, also with their cookie', async () => {
    provider.claims = { sub: 'gina', preferred_username: 'gina' };
    const back = await goToProvider();
    const attempt = new Map(visitor.cookies);
    expect((await visitor.get(back)).location).toBe('/ui');
    const thief = newVisitor(berth);
    for (const [name, value] of attempt) thief.cookies.set(name, value);
    expect((await thief.get(back)).status).toBe(403);
    expect(await isLoggedIn(thief)).toBe(false);
    expect((await newVisitor(berth).get(back)).status).toBe(403);
  });
});

describe('accounts', () => {
  test('that exist are never taken over, whether of an admin, a robot, another subject or with a password', async () => {
    await berth.administration.createUser({ name: 'heidi', password: 'mountains', isAdmin: false });
    await berth.administration.createRobot({ name: 'builder', grants: [] });
    provider.claims = { sub: 'first', preferred_username: 'ivan' };
    await logIn(newVisitor(berth));
    for (const name of ['heidi', 'admin', 'builder', 'ivan']) {
      provider.claims = { sub: `evil-${name}`, preferred_username: name };
      await expectRefused(await logIn(), `the name ${name} belongs to another account`);
      expect(await berth.metadata.accounts.findBySubject(provider.url, `evil-${name}`)).toBeUndefined();
    }
  });

  test('without a namespace say why on the page at their first login', async () => {
    await berth.administration.createUser({ name: 'leo', password: 'mountains', isAdmin: false });
    await berth.administration.deleteAccount('leo');
    provider.claims = { sub: 'leo', preferred_username: 'leo' };
    const leo = newVisitor(berth);
    const first = await logIn(leo);
    expect([first.status, first.text]).toEqual([
      200,
      expect.stringContaining('leo does not own leo/**: it belonged to a deleted account. An admin can grant you access'),
    ]);
    expect(await isLoggedIn(leo)).toBe(true);
    expect((await logIn(leo)).location).toBe('/ui');
  });

  test('that are disabled cannot log in, and their sessions end', async () => {
    provider.claims = { sub: 'judy', preferred_username: 'judy' };
    const judy = newVisitor(berth);
    await logIn(judy);
    await berth.administration.setDisabled('judy', true);
    expect(await isLoggedIn(judy)).toBe(false);
    await expectRefused(await logIn(), 'your account here is closed');
  });

  test('are not created if createUsers is false; existing ones log in', async () => {
    provider.claims = { sub: 'kim', preferred_username: 'kim' };
    const strict = await startGuarded({ ...oidcSettings(provider), BERTH_ACCESS_OIDC_CREATE_USERS: 'false' });
    const kim = newVisitor(strict);
    const refused = await logIn(kim);
    expect([refused.status, refused.text]).toEqual([403, expect.stringContaining('there is no account for kim')]);
    const event = { at: 1, actor: 'test', address: '', action: 'user.create', target: 'kim', result: 'done' } as const;
    await strict.metadata.accounts.createForSubject('kim', provider.url, 'kim', event);
    expect((await logIn(kim)).location).toBe('/ui');
    await strict.close();
  });
});

test('a provider that does not answer is reported as unavailable: 503', async () => {
  const away = await startOidcProvider();
  const waiting = await startGuarded(oidcSettings(away));
  await away.close();
  const answer = await newVisitor(waiting).get('/ui/oidc');
  expect([answer.status, answer.header('retry-after')]).toEqual([503, '5']);
  await waiting.close();
});
