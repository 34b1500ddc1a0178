import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { loadConfig } from '../../../config/load.ts';
import { type App, createApp } from '../../../src/app.ts';
import { createLog } from '../../../src/observability/log.ts';
import { type GuardedBerth, admin, alice, askToken, pushAs, startWithAlice } from '../../support/access.ts';
import { call } from '../../support/call.ts';

let berth: GuardedBerth;
let app: App;
/** A second process over the same stores. */
let other: { readonly url: string };
let bearer: { readonly Authorization: string };

beforeAll(async () => {
  berth = await startWithAlice({
    BERTH_WORKERS: '2',
    BERTH_TRUSTED_PROXIES: '127.0.0.1',
    BERTH_LIMITS_PULLS_PER_ACCOUNT: '10/6h',
    BERTH_LIMITS_PULLS_PER_ADDRESS: '3/6h',
    BERTH_LIMITS_PUSHES_PER_ACCOUNT: '2/1h',
    BERTH_LIMITS_REQUESTS_PER_ADDRESS: '20/1h',
    BERTH_LIMITS_LOGINS_PER_ADDRESS: '4/1h',
  });
  await berth.administration.grant('user:alice', 'alice/**', 'pull,push');
  await berth.administration.setPublic('alice/**', true);
  app = await createApp(loadConfig({ environment: berth.environment }), createLog({ level: 'silent', format: 'json' }).log);
  other = { url: await app.listen() };
  await pushAs(berth, alice, 'alice/app', '1');
  bearer = { Authorization: `Bearer ${await askToken(berth, alice, 'repository:alice/app:pull,push')}` };
});
afterAll(async () => {
  await app.close();
  await berth.close();
});

const manifest = '/v2/alice/app/manifests/1';
const from = (address: string) => ({ 'X-Forwarded-For': address });

test('pulls of an account are counted over two processes, and the next one gets 429 with Retry-After', async () => {
  const statuses: number[] = [];
  for (let pull = 0; pull < 10; pull++)
    statuses.push((await call(pull % 2 === 0 ? berth : other, 'GET', manifest, { headers: bearer })).status);
  expect(statuses).toEqual(Array.from({ length: 10 }, () => 200));
  for (const server of [berth, other]) {
    const refused = await call(server, 'GET', manifest, { headers: bearer });
    expect([refused.status, refused.codes()]).toEqual([429, ['TOOMANYREQUESTS']]);
    expect(Number(refused.header('retry-after'))).toBeGreaterThan(6 * 3600 - 60);
    expect(refused.body.toString()).toContain(
      'the account alice has made 10 pulls (GETs of manifests) within 21600 seconds: wait',
    );
    expect(refused.header('ratelimit')).toMatch(/^"pulls";r=0;t=21\d{3}$/);
  }
});

test('an address without a login has a limit of its own, behind a trusted proxy too, and HEAD does not count', async () => {
  const pull = (address: string, method = 'GET') => call(other, method, manifest, { headers: from(address) });
  const first = await pull('192.0.2.1');
  expect(first.status).toBe(200);
  expect(first.header('ratelimit-policy')).toBe('"pulls";q=3;w=21600, "requests";q=20;w=3600');
  expect(first.header('ratelimit')).toMatch(/^"pulls";r=2;t=21600, "requests";r=19;t=3600$/);
  expect([first.header('ratelimit-limit'), first.header('ratelimit-remaining')]).toEqual(['3;w=21600', '2;w=21600']);
  expect(first.header('docker-ratelimit-source')).toBe('192.0.2.1');
  const head = await pull('192.0.2.1', 'HEAD');
  expect([head.status, head.header('ratelimit-remaining')]).toEqual([200, '2;w=21600']);
  expect([(await pull('192.0.2.1')).status, (await pull('192.0.2.1')).status]).toEqual([200, 200]);
  const refused = await pull('192.0.2.1');
  expect([refused.status, refused.body.toString()]).toEqual([429, expect.stringContaining('or log in')]);
  expect((await pull('192.0.2.1', 'HEAD')).status).toBe(200);
  expect((await pull('192.0.2.2')).status).toBe(200);
});

test('addresses of one IPv6 network count as one client', async () => {
  const pull = (address: string) => call(berth, 'GET', manifest, { headers: from(address) });
  const statuses = [];
  for (const address of ['2001:db8::1', '2001:db8::2', '2001:db8::3', '2001:db8::4', '2001:db8:0:1::4'])
    statuses.push((await pull(address)).status);
  expect(statuses).toEqual([200, 200, 200, 429, 200]);
});

test('the limit of pushes is apart from that of pulls', async () => {
  // The push of the preparation was the first.
  const body = (await call(berth, 'GET', manifest, { headers: from('192.0.2.9') })).body;
  const put = () =>
    call(berth, 'PUT', '/v2/alice/app/manifests/2', {
      headers: { ...bearer, 'Content-Type': 'application/vnd.oci.image.manifest.v1+json' },
      body,
    });
  const second = await put();
  expect([second.status, second.header('ratelimit')]).toEqual([201, expect.stringMatching(/^"pushes";r=0;t=\d+$/)]);
  expect((await put()).status).toBe(429);
});

test('requests that are refused count for their address, to the protocol and to the API', async () => {
  const wrong = { ...from('192.0.2.3'), Authorization: 'Bearer nonsense' };
  for (let sent = 0; sent < 10; sent++) {
    expect((await call(berth, 'GET', manifest, { headers: wrong })).status).toBe(401);
    expect((await call(other, 'GET', '/api/v1/me', { headers: from('192.0.2.3') })).status).toBe(401);
  }
  expect((await call(berth, 'GET', '/v2/', { headers: from('192.0.2.3') })).status).toBe(429);
  const problem = await call(other, 'GET', '/api/v1/openapi.json', { headers: from('192.0.2.3') });
  expect([problem.status, problem.header('content-type')]).toEqual([429, expect.stringContaining('application/problem+json')]);
  expect(Number(problem.header('retry-after'))).toBeGreaterThan(0);
  // A client with a login is not stopped by what its address did.
  expect((await call(berth, 'GET', '/api/v1/me', { headers: { ...admin, ...from('192.0.2.3') } })).status).toBe(200);
});

test('logins are counted before the password is checked, with the docker client and on the page', async () => {
  const token = () => call(berth, 'GET', '/token?service=berth', { headers: { ...alice, ...from('192.0.2.4') } });
  const page = () =>
    call(other, 'POST', '/ui/login', {
      headers: { ...from('192.0.2.4'), Origin: other.url, 'Content-Type': 'application/x-www-form-urlencoded' },
      body: 'name=alice&password=wrong',
    });
  expect([(await token()).status, (await token()).status]).toEqual([200, 200]);
  expect([(await page()).status, (await page()).status]).toEqual([401, 401]);
  const refused = await token();
  expect([refused.status, Number(refused.header('retry-after')) > 0]).toEqual([429, true]);
  expect((await page()).status).toBe(429);
});

test('refusals are counted by limit', async () => {
  const text = (await call(berth, 'GET', '/metrics')).body.toString();
  expect(text).toMatch(/^berth_rate_limited_total\{limit="pulls"\} [1-9]/m);
  expect(text).toMatch(/^berth_rate_limited_total\{limit="logins"\} [1-9]/m);
});
