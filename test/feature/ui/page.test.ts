import { brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type GuardedBerth, adminPassword, askToken, basic, pushAs, startGuarded } from '../../support/access.ts';
import { startBerth } from '../../support/berth.ts';
import { call } from '../../support/call.ts';
import { pushImage } from '../../support/images.ts';
import { routes } from '../../../src/http/api/routes.ts';
import { until } from '../../support/until.ts';
import { type Visit, type Visitor, newVisitor } from '../../support/visitor.ts';

let berth: GuardedBerth;
let visitor: Visitor;
const alice = { name: 'alice', password: 'wonderland' };

beforeAll(async () => {
  berth = await startGuarded({ BERTH_TRUSTED_PROXIES: '127.0.0.1' });
  await berth.administration.createUser({ ...alice, isAdmin: false });
});
afterAll(() => berth.close());
beforeEach(() => {
  visitor = newVisitor(berth);
});

const sessionOf = ({ cookies }: Visitor) => cookies.get('berth-session') ?? '';
async function logIn(browser: Visitor = visitor): Promise<void> {
  expect((await browser.post('/ui/login', alice)).location).toBe('/ui');
}
async function isLoggedIn(browser: Visitor = visitor): Promise<boolean> {
  return (await browser.get('/ui')).status === 200;
}
function secretIn(page: string): string {
  return /<code id="secret">(berth_pat_[\w-]{43})<\/code>/.exec(page)?.[1] ?? '';
}

describe('logging in', () => {
  test('/ redirects a browser to the page and describes the server to programs', async () => {
    expect((await visitor.get('/')).location).toBe('/ui');
    const answer = await call(berth, 'GET', '/', { headers: { Accept: '*/*' } });
    expect([answer.status, answer.json()]).toEqual([200, expect.objectContaining({ name: 'berth' })]);
  });

  test.each(['/ui', '/ui/', '/ui/account/tokens', '/ui/setup?client=podman', '/ui/r/alice/app'])(
    '%s redirects to the login, which leads back',
    async (path) => {
      const { location } = await visitor.get(path);
      expect(location).toBe(`/ui/login?${new URLSearchParams({ next: path }).toString()}`);
      const next = /name="next" value="([^"]+)"/.exec((await visitor.get(location)).text)?.[1] ?? '';
      expect((await visitor.post('/ui/login', { ...alice, next })).location).toBe(path);
    },
  );

  test.each([
    '//evil.example/ui',
    'https://evil.example/ui',
    '/\\evil.example/ui',
    '/v2/',
    '/ui/../..//evil.example',
    '/uix',
    '',
  ])('the login never leads out of the page, to %j', async (next) => {
    expect((await visitor.post('/ui/login', { ...alice, next })).location).toBe('/ui');
  });

  test('the login says that it comes before the page that was asked for, and nothing where none was', async () => {
    const login = async (query: string) => (await newVisitor(berth).get(`/ui/login${query}`)).text;
    expect(await login('?next=%2Fui%2Faccount')).toContain('Sign in to open the page that you asked for.');
    expect(await login('')).not.toContain('you asked for');
  });

  test('a refused login keeps the name, but not the password', async () => {
    const { status, text } = await visitor.post('/ui/login', { name: 'alice', password: 'looking glass', next: '/ui/setup' });
    expect([status, text.includes('value="alice"'), text.includes('looking glass')]).toEqual([401, true, false]);
    expect(text).toContain('name="next" value="/ui/setup"');
  });

  test('a name and its password open a session that no script and no other site can use', async () => {
    await logIn();
    expect(visitor.attributes.get('berth-session')).toBe('Path=/; HttpOnly; SameSite=Lax; Max-Age=43200');
    expect((await visitor.get('/ui')).text).toContain('<strong class="user">alice</strong>');
  });

  test('the cookie is bound to the host if clients use TLS', async () => {
    const headers = { 'X-Forwarded-Proto': 'https', 'X-Forwarded-Host': 'registry.example', Origin: 'https://registry.example' };
    expect((await visitor.post('/ui/login', alice, headers)).status).toBe(303);
    expect(visitor.attributes.get('__Host-berth-session')).toMatch(/^Path=\/; HttpOnly; SameSite=Lax; .*; Secure$/);
  });

  test.each([
    ['a wrong password', { name: 'alice', password: 'looking glass' }],
    ['an unknown name', { name: 'nobody', password: 'wonderland' }],
    ['nothing', { name: '', password: '' }],
  ])('%s opens none, and which of both is wrong is not said', async (_what, form) => {
    const answer = await visitor.post('/ui/login', form);
    expect([answer.status, answer.text]).toEqual([401, expect.stringContaining('The name or the password is wrong.')]);
    expect(sessionOf(visitor)).toBe('');
  });

  test('an access token or a robot cannot open a session, which could make tokens that outlive it', async () => {
    const { secret: token } = await berth.administration.createToken({ account: 'alice', name: 'laptop' });
    const { secret: robot } = await berth.administration.createRobot({ name: 'ci', grants: ['**:pull'] });
    expect((await visitor.post('/ui/login', { name: 'alice', password: token })).status).toBe(401);
    expect((await visitor.post('/ui/login', { name: 'ci', password: robot })).status).toBe(401);
  });

  test('a client that guesses passwords has to wait', async () => {
    const statuses = [];
    const guess = { 'X-Forwarded-For': '192.0.2.1' };
    for (let count = 0; count < 12; count++) {
      statuses.push((await visitor.post('/ui/login', { name: 'alice', password: 'x' }, guess)).status);
    }
    expect([statuses.slice(0, 10), statuses.slice(-1)]).toEqual([Array.from({ length: 10 }, () => 401), [429]]);
    await logIn();
  });
});

describe('sessions', () => {
  test('are stored as hashes and expire', async () => {
    await logIn();
    const account = await berth.metadata.accounts.findByName('alice');
    const [session] = (await berth.metadata.tokens.list(account?.id ?? 0)).filter(({ kind }) => kind === 'session');
    const hours = ((session?.expiresAt ?? 0) - (session?.createdAt ?? 0)) / 3_600_000;
    expect([hours, JSON.stringify(session).includes(sessionOf(visitor).slice(-20))]).toEqual([12, false]);
  });

  test('each login opens a new session and ends the one before', async () => {
    await logIn();
    const before = newVisitor(berth);
    before.cookies.set('berth-session', sessionOf(visitor));
    await logIn();
    expect([await isLoggedIn(), await isLoggedIn(before)]).toEqual([true, false]);
  });

  test('end by signing out', async () => {
    await logIn();
    const copy = newVisitor(berth);
    copy.cookies.set('berth-session', sessionOf(visitor));
    expect(await isLoggedIn(copy)).toBe(true);
    expect((await visitor.post('/ui/logout', {})).location).toBe('/ui/login');
    expect([sessionOf(visitor), await isLoggedIn(copy)]).toEqual(['', false]);
  });

  test('end when the password changes and when the account is deleted', async () => {
    await berth.administration.createUser({ name: 'bob', password: 'first password', isAdmin: false });
    await visitor.post('/ui/login', { name: 'bob', password: 'first password' });
    await berth.administration.setPassword('bob', 'second password');
    expect(await isLoggedIn()).toBe(false);
    await visitor.post('/ui/login', { name: 'bob', password: 'second password' });
    expect(await isLoggedIn()).toBe(true);
    await berth.administration.deleteAccount('bob');
    expect(await isLoggedIn()).toBe(false);
  });

  test('are not accepted as passwords by /token, /v2/ and the API', async () => {
    await logIn();
    const login = basic('alice', sessionOf(visitor));
    for (const path of ['/token', '/v2/', '/api/v1/me']) {
      expect((await call(berth, 'GET', path, { headers: login })).status).toBe(401);
      const withCookie = { Cookie: `berth-session=${sessionOf(visitor)}` };
      const expected = path === '/token' ? 200 : 401;
      expect((await call(berth, 'GET', path, { headers: withCookie })).status).toBe(expected);
    }
    const other = newVisitor(berth);
    for (const secret of [
      'berth_session_',
      'x',
      (await berth.administration.createToken({ account: 'alice', name: 'x' })).secret,
    ]) {
      other.cookies.set('berth-session', secret);
      expect(await isLoggedIn(other)).toBe(false);
    }
  });
});

describe('forms', () => {
  test.each([
    ['of another site', { Origin: 'https://evil.example' }],
    ['of a hidden origin', { Origin: 'null' }],
    ['of a neighbour by another port', { Origin: 'http://127.0.0.1:1' }],
  ])('%s change nothing', async (_what, headers) => {
    await logIn();
    const form = { name: 'stolen', scopes: '', days: 'never' };
    for (const path of ['/ui/account/tokens', '/ui/account/password', '/ui/logout', '/ui/login', '/ui/account/tokens/x/revoke']) {
      expect((await visitor.post(path, form, headers)).status).toBe(403);
    }
    expect([await isLoggedIn(), (await visitor.get('/ui/account/tokens')).text.includes('stolen')]).toEqual([true, false]);
  });

  test('without the header Origin change nothing', async () => {
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded' };
    const body = new URLSearchParams(alice).toString();
    expect((await call(berth, 'POST', '/ui/login', { headers, body })).status).toBe(403);
  });
});

describe('access tokens', () => {
  test('are created, shown once, used as a password, and revoked', async () => {
    await logIn();
    const created = await visitor.post('/ui/account/tokens', { name: 'my <laptop>', scopes: 'alice/*:pull', days: '30' });
    expect([created.status, created.location]).toEqual([303, '/ui/account/tokens']);
    expect(visitor.attributes.get('berth-secret')).toBe('Path=/; HttpOnly; SameSite=Lax; Max-Age=60');
    const secret = secretIn((await visitor.get('/ui/account/tokens')).text);
    expect(secret).toMatch(/^berth_pat_/);
    const page = (await visitor.get('/ui/account/tokens')).text;
    expect(page).toContain('<th scope="row">my &#60;laptop&#62;</th>');
    expect([page.includes('alice/*:pull'), page.includes(secret)]).toEqual([true, false]);
    expect(await askToken(berth, basic('alice', secret), 'repository:alice/app:pull')).toEqual(expect.any(String));
    const id = /my &#60;laptop[^]*?\/ui\/account\/tokens\/([^/]+)\/revoke/.exec(page)?.[1] ?? '';
    expect((await visitor.post(`/ui/account/tokens/${id}/revoke`, {})).location).toBe('/ui/account/tokens');
    expect((await call(berth, 'GET', '/token', { headers: basic('alice', secret) })).status).toBe(401);
    expect((await visitor.get('/ui/account/tokens')).text).not.toContain('my &#60;laptop');
  });

  test.each([
    ['no name', { name: ' ', scopes: '', days: '30' }, 'needs a short name'],
    ['a scope that is none', { name: 'x', scopes: '<b>', days: '30' }, '&#60;b&#62; is not PATTERN:ACTIONS'],
    ['a lifetime that is not offered', { name: 'x', scopes: '', days: '31' }, 'choose how long the token is valid'],
  ])('%s is refused with its reason', async (_what, form, message) => {
    await logIn();
    const answer = await visitor.post('/ui/account/tokens', form);
    expect([answer.status, answer.text]).toEqual([400, expect.stringContaining(message)]);
    expect(answer.text).toContain(`name="name" value="${form.name}"`);
  });

  test('of other users cannot be revoked', async () => {
    const { id, secret } = await berth.administration.createToken({ account: 'admin', name: 'root' });
    await logIn();
    expect((await visitor.post(`/ui/account/tokens/${id}/revoke`, {})).status).toBe(404);
    expect((await call(berth, 'GET', '/token', { headers: basic('admin', secret) })).status).toBe(200);
  });
});

describe('the session of the page at the API', () => {
  const session = async () => {
    await logIn();
    return `berth-session=${sessionOf(visitor)}`;
  };
  const ask = (Cookie: string, headers: Readonly<Record<string, string>>, method = 'GET', path = '/api/v1/me') =>
    call(berth, method, path, { headers: { Cookie, ...headers } });
  const ours = () => ({ Origin: berth.url });
  const sameOrigin = { 'Sec-Fetch-Site': 'same-origin' };

  test('counts where the browser says that our page sends the request, also for changes', async () => {
    const cookie = await session();
    expect((await ask(cookie, sameOrigin)).json()).toMatchObject({ name: 'alice' });
    expect((await ask(cookie, ours())).status).toBe(200);
    expect((await ask(cookie, { ...ours(), ...sameOrigin })).status).toBe(200);
    const body = JSON.stringify({ name: 'script' });
    const headers = { Cookie: cookie, ...sameOrigin, ...ours(), 'Content-Type': 'application/json' };
    expect((await call(berth, 'POST', '/api/v1/me/tokens', { headers, body })).status).toBe(201);
  });

  test.each([
    ['nothing', {}],
    ['another site', { 'Sec-Fetch-Site': 'cross-site' }],
    ['a host of the same domain', { 'Sec-Fetch-Site': 'same-site' }],
    ['an address that the user typed', { 'Sec-Fetch-Site': 'none' }],
    ['the origin of another site', { Origin: 'https://evil.example' }],
    ['a hidden origin', { Origin: 'null' }],
    ['our page with the origin of another site', { 'Sec-Fetch-Site': 'same-origin', Origin: 'https://evil.example' }],
  ])('does not count where the browser names %s', async (_what, headers) => {
    const cookie = await session();
    const read = await ask(cookie, headers);
    expect([read.status, read.header('www-authenticate')]).toEqual([401, expect.stringContaining('realm="berth"')]);
    const change = await ask(cookie, headers, 'DELETE', '/api/v1/me/tokens/1');
    expect([401, 403]).toContain(change.status);
  });

  test('does not count with a foreign origin that looks like ours in another site', async () => {
    const answer = await ask(await session(), { ...ours(), 'Sec-Fetch-Site': 'cross-site' });
    expect(answer.status).toBe(401);
  });

  test('an ended session gets 401 without a dialogue of the browser, and a login in the header wins over the cookie', async () => {
    const cookie = await session();
    await visitor.post('/ui/logout', {});
    const ended = await ask(cookie, { ...sameOrigin, 'Sec-Fetch-Mode': 'cors' });
    expect([ended.status, ended.header('www-authenticate')]).toEqual([401, 'Session realm="berth"']);
    const both = await ask(await session(), { ...sameOrigin, ...basic('admin', adminPassword) });
    expect(both.json()).toMatchObject({ name: 'admin' });
  });
});

describe('the account', () => {
  const zoe = { name: 'zoe', password: 'first password' };
  const change = (form: Readonly<Record<string, string>>) =>
    visitor.post('/ui/account/password', {
      current: zoe.password,
      password: 'second password',
      repeat: 'second password',
      ...form,
    });

  beforeAll(() => berth.administration.createUser({ ...zoe, isAdmin: false }));
  beforeEach(async () => {
    await visitor.post('/ui/login', zoe);
  });

  test('the old address of access tokens leads to the new one', async () => {
    expect((await visitor.get('/ui/tokens')).location).toBe('/ui/account/tokens');
  });

  test.each([
    ['a wrong current password', { current: 'looking glass' }, 'current', 'The current password is wrong.'],
    ['two different new passwords', { repeat: 'third password' }, 'repeat', 'The new passwords are not the same.'],
    ['a short new password', { password: 'short', repeat: 'short' }, 'password', 'at least 8 characters'],
  ])('%s is refused, and no password is shown again', async (_what, form, field, message) => {
    const { status, text } = await change(form);
    expect([status, text]).toEqual([400, expect.stringContaining(message)]);
    expect(text).toMatch(new RegExp(`name="${field}"[^>]*aria-invalid="true"`));
    expect([text.includes('looking glass'), text.includes('second password'), text.includes(zoe.password)]).toEqual([
      false,
      false,
      false,
    ]);
  });

  test('an access token is no current password', async () => {
    const { secret } = await berth.administration.createToken({ account: 'zoe', name: 'laptop' });
    expect((await change({ current: secret })).status).toBe(400);
  });

  test('lists the sessions, marks the own one and ends others', async () => {
    const other = newVisitor(berth);
    await other.post('/ui/login', zoe, { 'User-Agent': 'Mozilla/5.0 (X11) Gecko/20100101 Firefox/140.0' });
    const page = (await visitor.get('/ui/account')).text;
    expect([page.match(/this session/g)?.length, page.includes('Firefox, 127.0.0.1')]).toEqual([1, true]);
    const id = /Firefox,[^]*?sessions\/([^/]+)\/revoke/.exec(page)?.[1] ?? '';
    expect((await visitor.post(`/ui/account/sessions/${id}/revoke`, {})).location).toBe('/ui/account');
    expect((await visitor.get('/ui/account')).text).toContain('The session has ended.');
    expect([await isLoggedIn(), await isLoggedIn(other)]).toEqual([true, false]);
  });

  test('changes the password, which ends the other sessions', async () => {
    const other = newVisitor(berth);
    await other.post('/ui/login', zoe);
    expect((await change({})).location).toBe('/ui/account');
    expect((await visitor.get('/ui/account')).text).toContain('The password is changed.');
    expect([await isLoggedIn(), await isLoggedIn(other)]).toEqual([true, false]);
    expect((await newVisitor(berth).post('/ui/login', { ...zoe, password: 'second password' })).status).toBe(303);
  });
});

describe('help and the API', () => {
  test('are there without a login, and the API has a row for each request', async () => {
    expect((await visitor.get('/ui/help')).text).toContain('Give a colleague or CI access');
    const { status, text } = await visitor.get('/ui/api');
    expect([status, text.match(/<th scope="row">/g)?.length]).toEqual([200, routes.length]);
    const filtered = (await visitor.get('/ui/api?q=users+post')).text;
    expect([...filtered.matchAll(/<th scope="row"><code class="request">([^<]+)</g)].map(([, row]) => row)).toEqual([
      'POST /api/v1/users/{name}/tokens',
      'POST /api/v1/users',
      'POST /api/v1/htpasswd',
    ]);
  });
});

describe('repositories', () => {
  test('lists the repositories that the user may pull with their tags, and hides others', async () => {
    await pushAs(berth, basic('alice', alice.password), 'alice/deep/app', '1.0');
    await pushAs(berth, basic('admin', adminPassword), 'secret/app', '1');
    await pushAs(berth, basic('admin', adminPassword), 'free/app', 'latest');
    await berth.administration.setPublic('free/**', true);
    await logIn();
    await until(async () => (await visitor.get('/ui')).text.includes('free/app'));
    const page = (await visitor.get('/ui/repositories?sort=name')).text;
    expect([...page.matchAll(/href="\/ui\/r\/([^":]+)"/g)].map(([, name]) => name)).toEqual(['alice/deep/app', 'free/app']);
    expect((await visitor.get('/ui/r/alice/deep/app')).text).toContain('app:1.0">1.0</a>');
    expect((await visitor.get('/ui/repositories/alice/deep/app')).location).toBe('/ui/r/alice/deep/app');
    const [hidden, unknown] = [await visitor.get('/ui/r/secret/app'), await visitor.get('/ui/r/no/app')];
    const shown = ({ text }: Visit) => text.replace(/Request \S+:/, '').replaceAll(/\/ui\/r\/[a-z/]+/g, '');
    expect([hidden.status, shown(hidden)]).toEqual([404, shown(unknown)]);
    expect((await visitor.get('/ui/r/..%2F..%2Fetc')).status).toBe(404);
  });

  test('lists all of them in pages in mode open, without logins', async () => {
    const open = await startBerth();
    const names = Array.from({ length: 51 }, (_, index) => `app-${String(index).padStart(2, '0')}`);
    for (const name of names) await pushImage(open, name, 'v1');
    const anybody = newVisitor(open);
    const first = await anybody.get('/ui/repositories?sort=name');
    expect([first.status, first.text.match(/\/ui\/r\/app-/g)?.length]).toEqual([200, 50]);
    const next = /rel="next" href="(\?[^"]+)"/.exec(first.text)?.[1]?.replaceAll('&#38;', '&') ?? '';
    const second = (await anybody.get(`/ui/repositories${next}`)).text;
    expect([second.includes('/ui/r/app-50'), second.includes('/ui/r/app-49'), second.includes('rel="next"')]).toEqual([
      true,
      false,
      false,
    ]);
    expect((await anybody.get('/ui/r/app-00')).text).toContain('app-00:v1">v1</a>');
    const filtered = (await anybody.get('/ui/repositories?prefix=app-4')).text;
    expect([filtered.match(/\/ui\/r\/app-/g)?.length, filtered.includes('rel="next"')]).toEqual([10, false]);
    expect((await anybody.get('/ui/repositories?prefix=app-50')).text).toContain('/ui/r/app-50');
    expect((await anybody.get('/ui/repositories?prefix=b')).text).toContain('No repository that you may pull begins with b.');
    expect(first.text).not.toMatch(/Sign|token/);
    for (const path of ['/ui/login', '/ui/account/tokens', '/ui/oidc']) expect((await anybody.get(path)).status).toBe(404);
    await open.close();
  });
});

describe('every page', () => {
  test('has no inline script or style, loads nothing from other sites, and is in no frame and no cache', async () => {
    await logIn();
    for (const path of ['/ui', '/ui/login', '/ui/account/tokens', '/ui/setup', '/ui/nothing', '/ui/r/no']) {
      const { header, text } = await visitor.get(path);
      expect(header('content-security-policy')).toBe(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; " +
          "base-uri 'none'; frame-ancestors 'none'",
      );
      expect([header('cache-control'), header('x-content-type-options')]).toEqual(['no-store', 'nosniff']);
      expect(text).not.toMatch(/<script(?! type="module" src="\/ui\/assets\/)|style="|\son\w+="/);
    }
    const page = (await visitor.get('/ui')).text;
    const assets = [...page.matchAll(/"(\/ui\/assets\/[^"]+)"/g)].map(([, url = '']) => url);
    expect(new Set(assets.map((url) => url.split('/').at(-1)))).toEqual(new Set(['icon.svg', 'style.css', 'main.js']));
    for (const url of assets) {
      const asset = await visitor.get(url);
      expect([asset.status, asset.header('cache-control')]).toEqual([200, 'public, max-age=31536000, immutable']);
      const other = await visitor.get(url.replace(/assets\/[^/]+/, 'assets/0000'));
      expect([other.text === asset.text, other.header('cache-control')]).toEqual([true, 'no-cache']);
    }
    expect((await visitor.get(assets[0]?.replace(/[^/]+$/, 'nothing.js') ?? '')).status).toBe(404);
  });

  describe('compression', () => {
    const own = { 'Sec-Fetch-Site': 'same-origin', 'Accept-Encoding': 'gzip, deflate, br, zstd' };
    const view = (headers: Readonly<Record<string, string>>, path = '/ui/help') =>
      call(berth, 'GET', path, { headers: { ...headers, Cookie: `berth-session=${sessionOf(visitor)}` } });

    test('compresses a view that our page or the person at the browser opens', async () => {
      await logIn();
      const { text } = await visitor.get('/ui/help');
      for (const site of ['same-origin', 'none']) {
        const answer = await view({ ...own, 'Sec-Fetch-Site': site });
        expect([answer.header('content-encoding'), answer.header('vary')]).toEqual(['br', 'Accept-Encoding, Sec-Fetch-Site']);
        expect(brotliDecompressSync(answer.body).toString()).toBe(text);
        expect(answer.body.length).toBe(Number(answer.header('content-length')));
        expect(answer.body.length).toBeLessThan(Buffer.byteLength(text) / 2);
      }
    });

    test('does not compress a view for another site, for an unknown site, or for a browser that does not take it', async () => {
      await logIn();
      const { text } = await visitor.get('/ui/help');
      const { 'Accept-Encoding': encodings } = own;
      for (const headers of [
        { ...own, 'Sec-Fetch-Site': 'cross-site' },
        { ...own, 'Sec-Fetch-Site': 'same-site' },
        { 'Accept-Encoding': encodings },
        { ...own, 'Accept-Encoding': 'gzip, br;q=0' },
        { 'Sec-Fetch-Site': 'same-origin' },
      ]) {
        const answer = await view(headers);
        expect([answer.headers['content-encoding'], answer.body.toString()]).toEqual([undefined, text]);
      }
    });

    test('does not compress a view with a secret that is shown once', async () => {
      await logIn();
      await visitor.post('/ui/account/tokens', { name: 'laptop', scopes: 'alice/**:pull', days: '30' });
      const cookie = [...visitor.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
      const answer = await call(berth, 'GET', '/ui/account/tokens', { headers: { ...own, Cookie: cookie } });
      expect([answer.headers['content-encoding'], secretIn(answer.body.toString())]).toEqual([
        undefined,
        expect.stringMatching(/^berth_pat_/),
      ]);
    });

    test('compresses styles and scripts for every client that takes it', async () => {
      const page = (await visitor.get('/ui/login')).text;
      for (const [, url = ''] of page.matchAll(/"(\/ui\/assets\/[^"]+(?:css|js))"/g)) {
        const [plain, packed] = [await call(berth, 'GET', url), await view({ 'Accept-Encoding': 'gzip' }, url)];
        expect([plain.headers['content-encoding'], packed.header('content-encoding')]).toEqual([undefined, 'gzip']);
        expect([plain.header('vary'), packed.header('vary')]).toEqual(['Accept-Encoding', 'Accept-Encoding']);
        expect(gunzipSync(packed.body).equals(plain.body)).toBe(true);
      }
    });
  });

  test('the first view takes at most five requests and 58 kB of gzip, a later one 15 kB', async () => {
    await logIn();
    const weigh = (text: string) => gzipSync(text).length;
    for (const path of ['/ui', '/ui/repositories', '/ui/setup', '/ui/storage', '/ui/search?q=a', '/ui/account', '/ui/help'])
      expect(weigh((await visitor.get(path)).text)).toBeLessThan(15_000);
    const page = (await visitor.get('/ui')).text;
    const urls = new Set([...page.matchAll(/(?:src|href)="(\/ui\/assets\/[^"]+)"/g)].map(([, url = '']) => url));
    expect(urls.size).toBeLessThanOrEqual(4);
    const limits: Readonly<Record<string, number>> = { 'style.css': 12_000, 'main.js': 25_000, 'icon.svg': 6000 };
    for (const url of urls) {
      const { text } = await visitor.get(url);
      expect(weigh(text)).toBeLessThan(limits[url.split('/').at(-1) ?? ''] ?? 0);
      // One script has all others in it, and a style loads no other.
      expect(text).not.toMatch(/^import\b|\bimport\(|@import|url\(/m);
    }
  });
});
