import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type GuardedBerth, adminPassword, basic, startGuarded } from '../support/access.ts';
import { type TestBerth, startBerth } from '../support/berth.ts';
import { type Answer, call, callRaw } from '../support/call.ts';
import { pushImage } from '../support/images.ts';

let berth: TestBerth;
beforeAll(async () => {
  berth = await startBerth({ BERTH_PUBLIC_URL: 'https://registry.example.com', BERTH_ACCESS_ALLOW_OPEN: 'true' });
});
afterAll(() => berth.close());

const upload = (headers: Readonly<Record<string, string>>, server: TestBerth = berth) =>
  call(server, 'POST', '/v2/app/blobs/uploads/', { headers: { 'Content-Length': 0, ...headers } });
const refusal = ({ status, codes }: Answer) => [status, codes()];

describe('the request line and the Host header', () => {
  const get = (target: string, host: string) =>
    callRaw(berth, `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);

  test.each([
    ['a Host with two ports, beside ?ns=', '/v2/app/tags/list?ns=docker.io', 'a:b:c'],
    ['a Host that is markup', '/v2/', 'a"/><b>'],
    ['a target with a bad port', 'http://localhost:99999/v2/', 'localhost'],
    ['a target without a host', 'http:///v2/', 'localhost'],
  ])('%s answers 400', async (_what, target, host) => {
    expect(await get(target, host)).toMatch(/^HTTP\/1\.1 400 [^]*UNSUPPORTED/);
  });

  test('a target in absolute form is served, and its host is checked', async () => {
    expect(await get('http://localhost:5000/v2/', 'evil.example')).toMatch(/^HTTP\/1\.1 200 /);
    expect(await get('http://evil.example/v2/', 'localhost')).toMatch(/^HTTP\/1\.1 403 /);
  });

  test.each(['/METRICS', '/Token', '/V2/', '/Healthz', '/UI', '/v1/Search?q=a', '/_mirror/Config'])(
    'paths are case-sensitive: %s answers 404',
    async (path) => {
      expect((await call(berth, 'GET', path)).status).toBe(404);
    },
  );
});

describe('on loopback', () => {
  test.each([
    'localhost',
    'LOCALHOST:5000',
    'registry.localhost',
    '127.0.0.1:80',
    '127.8.0.1',
    '[::1]:5000',
    'registry.example.com',
  ])('the host %s is served', async (host) => {
    expect((await upload({ Host: host })).status).toBe(202);
  });

  test.each(['evil.example', 'localhost.evil.example', '128.0.0.1', '0.0.0.0', '10.0.0.1:5000'])(
    'the host %s is refused, also for reads',
    async (host) => {
      expect(refusal(await upload({ Host: host }))).toEqual([403, ['DENIED']]);
      const answer = await call(berth, 'GET', '/v2/', { headers: { Host: host } });
      expect([answer.status, answer.body.toString()]).toEqual([403, expect.stringContaining('publicUrl')]);
    },
  );

  test('a trusted proxy may use any host name', async () => {
    const behind = await startBerth({ BERTH_TRUSTED_PROXIES: '127.0.0.1', BERTH_ACCESS_ALLOW_OPEN: 'true' });
    expect((await upload({ Host: 'registry.example.net' }, behind)).status).toBe(202);
    await behind.close();
  });
});

describe('requests that a browser sends from another site', () => {
  test.each([
    [{ 'Sec-Fetch-Site': 'cross-site' }, 403],
    [{ 'Sec-Fetch-Site': 'same-site' }, 403],
    [{ 'Sec-Fetch-Site': 'same-origin' }, 202],
    [{ 'Sec-Fetch-Site': 'none' }, 202],
    [{ 'Sec-Fetch-Site': 'cross-site', Origin: 'https://registry.example.com' }, 403],
    [{ Origin: 'https://evil.example' }, 403],
    [{ Origin: 'null' }, 403],
    [{ Origin: 'http://registry.example.com' }, 403],
    [{ Origin: 'https://registry.example.com' }, 202],
    [{}, 202],
  ])('POST with %j answers %d', async (headers, status) => {
    expect((await upload(headers)).status).toBe(status);
  });

  test('reads from every site are served', async () => {
    expect((await call(berth, 'GET', '/v2/', { headers: { 'Sec-Fetch-Site': 'cross-site' } })).status).toBe(200);
  });

  test('changes are refused in mode token too, also with a valid login', async () => {
    const guarded: GuardedBerth = await startGuarded();
    const headers = { ...basic('admin', adminPassword), 'Content-Type': 'application/json', 'Sec-Fetch-Site': 'cross-site' };
    const answer = await call(guarded, 'POST', '/api/v1/users', { headers, body: '{"name":"eve","password":"long enough"}' });
    expect(refusal(answer)).toEqual([403, ['DENIED']]);
    expect(refusal(await call(guarded, 'DELETE', '/v2/app/manifests/1', { headers }))).toEqual([403, ['DENIED']]);
    await guarded.close();
  });
});

describe('access.openActions', () => {
  test('a registry that is open for pulls refuses pushes and deletions with a reason', async () => {
    const image = await pushImage(berth, 'open/app', '1');
    await berth.close();
    berth = await startBerth({ BERTH_ACCESS_OPEN_ACTIONS: 'pull' });
    for (const answer of [
      await upload({}),
      await call(berth, 'PUT', '/v2/open/app/manifests/2', { body: image.manifest }),
      await call(berth, 'DELETE', `/v2/open/app/manifests/${image.digest}`),
    ]) {
      expect(refusal(answer)).toEqual([403, ['DENIED']]);
      expect(answer.body.toString()).toContain('access.openActions is pull');
    }
    expect((await call(berth, 'GET', '/v2/_catalog')).status).toBe(200);
    expect((await call(berth, 'GET', '/v2/open/app/manifests/1')).status).toBe(404);
  });

  test('a registry that is open for pushes only refuses reads', async () => {
    const inbox = await startBerth({ BERTH_ACCESS_OPEN_ACTIONS: 'push' });
    const { digest } = await pushImage(inbox, 'app', '1');
    expect(refusal(await call(inbox, 'GET', `/v2/app/manifests/${digest}`))).toEqual([403, ['DENIED']]);
    expect(refusal(await call(inbox, 'GET', '/v2/_catalog'))).toEqual([403, ['DENIED']]);
    expect((await call(inbox, 'GET', '/v1/search?q=app')).json()).toMatchObject({ num_results: 0 });
    await inbox.close();
  });
});
