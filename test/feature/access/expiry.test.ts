import { randomBytes } from 'node:crypto';
import { type IncomingMessage, request } from 'node:http';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { type GuardedBerth, adminPassword, alice, aliceUser, askToken, basic, startWithAlice } from '../../support/access.ts';
import { call } from '../../support/call.ts';
import { newVisitor } from '../../support/visitor.ts';
import { digestOf } from '../../support/images.ts';
import { until } from '../../support/until.ts';

let berth: GuardedBerth;
beforeAll(async () => {
  // Only what the clock shows is ours: timers run as they do.
  jest.useFakeTimers({
    doNotFake: [
      'hrtime',
      'nextTick',
      'performance',
      'queueMicrotask',
      'setImmediate',
      'clearImmediate',
      'setInterval',
      'clearInterval',
      'setTimeout',
      'clearTimeout',
    ],
  });
  berth = await startWithAlice();
});
afterAll(async () => {
  await berth.close();
  jest.useRealTimers();
});

const wait = (seconds: number) => jest.setSystemTime(Date.now() + seconds * 1000);
const bearer = async () => ({ Authorization: `Bearer ${await askToken(berth, alice, 'repository:alice/app:pull,push')}` });

test('a token is valid for its lifetime and the tolerated difference of clocks', async () => {
  const headers = await bearer();
  const status = async () => (await call(berth, 'GET', '/v2/', { headers })).status;
  wait(300);
  expect(await status()).toBe(200);
  wait(31);
  expect(await status()).toBe(401);
});

test('a token that expires during a layer lets the layer end, and the next request needs a new token', async () => {
  const headers = await bearer();
  const started = await call(berth, 'POST', '/v2/alice/app/blobs/uploads/', { headers: { ...headers, 'Content-Length': 0 } });
  const location = started.header('location');
  const bytes = randomBytes(3_000_000);
  const answer = new Promise<IncomingMessage>((resolve, reject) => {
    const upload = request(berth.url + location, { method: 'PATCH', headers }, resolve).on('error', reject);
    upload.write(bytes.subarray(0, 2_000_000));
    const arrives = async () => Number((await call(berth, 'GET', location, { headers })).header('range').slice(2)) > 0;
    void until(arrives).then(() => {
      wait(3600);
      upload.end(bytes.subarray(2_000_000));
    }, reject);
  });
  expect((await answer).statusCode).toBe(202);
  const finish = (login: { readonly Authorization: string }) =>
    call(berth, 'PUT', `${location}?digest=${digestOf(bytes)}`, { headers: { ...login, 'Content-Length': 0 } });
  const refused = await finish(headers);
  expect([refused.status, refused.headers['www-authenticate']]).toEqual([401, expect.stringContaining('error="invalid_token"')]);
  expect((await finish(await bearer())).status).toBe(201);
});

test('access tokens, robots and grants end at their expiry', async () => {
  const expiresAt = Date.now() + 60_000;
  const { secret } = await berth.administration.createToken({ account: 'alice', name: 'short', expiresAt });
  const robot = await berth.administration.createRobot({ name: 'short-lived', grants: ['x:pull'], expiresAt });
  const logins = [basic('alice', secret), basic('short-lived', robot.secret)];
  const statuses = () => Promise.all(logins.map(async (headers) => (await call(berth, 'GET', '/v2/', { headers })).status));
  expect(await statuses()).toEqual([200, 200]);
  const opened = await askToken(berth, basic('alice', secret));
  wait(61);
  expect(await statuses()).toEqual([401, 401]);
  expect((await call(berth, 'GET', '/v2/', { headers: { Authorization: `Bearer ${opened}` } })).status).toBe(401);
});

test('a robot that gets another expiry keeps its secret, also after it has expired, and other secrets keep their own', async () => {
  const expiresAt = Date.now() + 60_000;
  const { secret } = await berth.administration.createRobot({ name: 'ci', grants: ['x:pull'], expiresAt });
  const own = await berth.administration.createToken({ account: 'ci', name: 'own', expiresAt: expiresAt + 10_000 });
  const admin = basic('admin', adminPassword);
  const change = async (until: number | null) => {
    const body = JSON.stringify({ expiresAt: until === null ? null : new Date(until).toISOString() });
    const headers = { ...admin, 'Content-Type': 'application/json' };
    return (await call(berth, 'PATCH', '/api/v1/robots/ci', { headers, body })).json();
  };
  const statuses = () =>
    Promise.all(
      [secret, own.secret].map(async (one) => (await call(berth, 'GET', '/v2/', { headers: basic('ci', one) })).status),
    );
  wait(65);
  expect(await statuses()).toEqual([401, 401]);
  const later = Date.now() + 3_600_000;
  expect(await change(later)).toMatchObject({ name: 'ci', expiresAt: new Date(later).toISOString() });
  expect(await statuses()).toEqual([200, 200]);
  wait(10);
  expect(await statuses()).toEqual([200, 401]);
  expect(await change(null)).toMatchObject({ expiresAt: null });
  wait(7200);
  expect(await statuses()).toEqual([200, 401]);
  expect(await change(Date.now() + 1000)).toMatchObject({ name: 'ci' });
  wait(2);
  expect(await statuses()).toEqual([401, 401]);
  expect(await change(Date.now() - 1000)).toMatchObject({ detail: 'the expiry date must be in the future' });
});

test('a refresh token lives for ninety days', async () => {
  const answer = await call(berth, 'GET', '/token?offline_token=true&client_id=docker', { headers: alice });
  const { refresh_token: secret } = answer.json() as { refresh_token: string };
  const body = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: secret }).toString();
  const refresh = async () => (await call(berth, 'POST', '/token', { body })).status;
  wait(89 * 24 * 3600);
  expect(await refresh()).toBe(200);
  wait(2 * 24 * 3600);
  expect(await refresh()).toBe(401);
});

test('signing keys change every thirty days, and tokens of the old key stay valid until they expire', async () => {
  const kids = async () => {
    const { keys } = (await call(berth, 'GET', '/.well-known/jwks.json')).json() as { keys: { kid: string }[] };
    return keys.map(({ kid }) => kid);
  };
  const kidOf = (token: string) =>
    (JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()) as { kid: string }).kid;
  wait(31 * 24 * 3600);
  await askToken(berth, alice);
  const [first] = await kids();
  wait(30 * 24 * 3600 - 100);
  const before = await bearer();
  expect(kidOf(before.Authorization.slice('Bearer '.length))).toBe(first);
  wait(200);
  const after = await bearer();
  expect(kidOf(after.Authorization.slice('Bearer '.length))).not.toBe(first);
  expect((await call(berth, 'GET', '/v2/', { headers: before })).status).toBe(200);
  wait(3600);
  await until(async () => !(await kids()).includes(first ?? ''));
});

/** Logs in by password to the page, for a refresh token and for a bearer token. Returns what tells which of them are valid. */
async function logIn() {
  const visitor = newVisitor(berth);
  await visitor.post('/ui/login', { name: aliceUser.name, password: aliceUser.password });
  const answer = await call(berth, 'GET', '/token?offline_token=true&client_id=docker', { headers: alice });
  const { refresh_token: secret } = answer.json() as { refresh_token: string };
  const body = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: secret }).toString();
  const headers = await bearer();
  return async () => ({
    session: (await visitor.get('/ui/account')).status === 200,
    refresh: (await call(berth, 'POST', '/token', { body })).status === 200,
    bearer: (await call(berth, 'GET', '/v2/', { headers })).status === 200,
  });
}

const [hour, year] = [3600, 365 * 24 * 3600];

test('logins from a time when the clock was ahead by a year end when it is set back, and new logins work', async () => {
  const before = await logIn();
  wait(year);
  const ahead = await logIn();
  expect(await ahead()).toEqual({ session: true, refresh: true, bearer: true });
  wait(-year);
  expect(await ahead()).toEqual({ session: false, refresh: false, bearer: false });
  expect(await before()).toEqual({ session: true, refresh: true, bearer: true });
  expect(await (await logIn())()).toEqual({ session: true, refresh: true, bearer: true });
});

test('a clock that is set back by an hour keeps logins, and bearer tokens of that hour are refused until they are issued anew', async () => {
  wait(hour);
  const ahead = await logIn();
  expect(await ahead()).toEqual({ session: true, refresh: true, bearer: true });
  wait(-hour);
  expect(await ahead()).toEqual({ session: true, refresh: true, bearer: false });
  expect(await (await logIn())()).toEqual({ session: true, refresh: true, bearer: true });
});

test('a signing key from a time when the clock was ahead by a year is replaced once', async () => {
  const kid = async () => {
    const [head = ''] = (await askToken(berth, alice)).split('.');
    return (JSON.parse(Buffer.from(head, 'base64url').toString()) as { kid: string }).kid;
  };
  wait(year);
  const ahead = await kid();
  wait(-year);
  const next = await kid();
  expect(next).not.toBe(ahead);
  expect(await kid()).toBe(next);
});
