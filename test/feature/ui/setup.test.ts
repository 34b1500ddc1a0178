import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { digestOf } from '../../../src/oci/digest.ts';
import { adminPassword, apiOf } from '../../support/access.ts';
import { startBerth } from '../../support/berth.ts';
import { call } from '../../support/call.ts';
import { type FakeUpstream, startFakeUpstream } from '../../support/fake-upstream.ts';
import { type GuardedMirror, alice, startGuardedMirror } from '../../support/guarded-mirror.ts';
import { type Visitor, newVisitor } from '../../support/visitor.ts';

let hub: FakeUpstream;
let berth: GuardedMirror;
let visitor: Visitor;
const api = apiOf(() => berth);

beforeAll(async () => {
  hub = await startFakeUpstream();
  berth = await startGuardedMirror(['alice'], { default: 'docker.io' }, hub);
  visitor = newVisitor(berth);
  await visitor.post('/ui/login', { name: 'admin', password: adminPassword });
});
afterAll(() => berth.close());

async function beginTest(browser = visitor): Promise<string> {
  const { status, location } = await browser.post('/ui/setup/check', { client: 'docker' });
  expect(status).toBe(303);
  return /check=([0-9a-f]{20})#check$/.exec(location)?.[1] ?? '';
}

interface Descriptor {
  readonly digest: string;
}

/** Pulls the image as clients do, with all its platforms and without a login. `query`: of each request. */
async function pull(base: string, query = ''): Promise<void> {
  const headers = { 'User-Agent': 'docker/28.5.2 go/go1.24 os/linux', 'X-Forwarded-For': '10.0.0.7' };
  const get = async (path: string) => {
    const answer = await call(berth, 'GET', `${base}/${path}${query}`, { headers });
    expect([answer.status, answer.headers['docker-content-digest']]).toEqual([200, digestOf(answer.body)]);
    return answer.json.bind(answer);
  };
  const { manifests } = (await get('manifests/latest'))() as { readonly manifests: readonly Descriptor[] };
  for (const { digest } of manifests) {
    const { config, layers } = (await get(`manifests/${digest}`))() as { config: Descriptor; layers: readonly Descriptor[] };
    await get(`blobs/${config.digest}`);
    for (const layer of layers) await get(`blobs/${layer.digest}`);
  }
}

test.each([
  ['the name of this server', (code: string) => `/v2/berth-check/${code}`, '', /by its name/],
  ['the name space of an upstream', (code: string) => `/v2/berth-check/${code}`, '?ns=docker.io', /as the mirror of docker\.io/],
  ['an upstream before the path', (code: string) => `/docker.io/v2/berth-check/${code}`, '', /as the mirror of docker\.io/],
  ['an upstream in the name', (code: string) => `/v2/docker.io/berth-check/${code}`, '', /as the mirror of docker\.io/],
])('a one-time image is pulled by %s without a login, and no upstream is asked', async (_name, baseOf, query, way) => {
  const code = await beginTest();
  const before = (await visitor.get(`/ui/setup?client=docker&check=${code}`)).text;
  expect(before).toMatch(/Waiting for the client/);
  expect(before).toContain(`docker pull berth-check/${code}`);
  await pull(baseOf(code), query);
  expect((await call(berth, 'HEAD', `${baseOf(code)}/manifests/latest${query}`)).status).toBe(200);
  const { text } = await visitor.get(`/ui/setup?client=docker&check=${code}`);
  expect(text).toMatch(/docker 28\.5\.2 from [\d.:a-f]+ has used this server/);
  expect(text).toMatch(way);
  expect(hub.requests).toEqual([]);
});

test('an unknown code is not found, and no upstream is asked', async () => {
  const { status, body } = await call(berth, 'GET', `/v2/berth-check/${'0'.repeat(20)}/manifests/latest?ns=docker.io`);
  expect([status, body.toString()]).toEqual([404, expect.stringContaining('this test has ended')]);
  expect(hub.requests).toEqual([]);
  expect((await visitor.get(`/ui/setup?check=${'0'.repeat(20)}`)).text).toMatch(/This test has ended/);
});

test('the result of a test is shown only to the visitor that began it, also over the API', async () => {
  const { code, image } = (await api('POST', '/mirror/check', {})).json() as { readonly code: string; readonly image: string };
  expect(image).toBe(`berth-check/${code}`);
  expect((await api('GET', `/mirror/check?code=${code}`)).json()).toMatchObject({ use: null });
  await pull(`/v2/${image}`);
  expect((await api('GET', `/mirror/check?code=${code}`)).json()).toMatchObject({
    use: { client: 'docker 28.5.2', upstream: '' },
  });
  expect((await api('GET', `/mirror/check?code=${code}`, undefined, alice)).status).toBe(404);
  for (let count = 0; count < 20; count++) await api('POST', '/mirror/check', {}, alice);
  expect((await api('POST', '/mirror/check', {}, alice)).status).toBe(429);
});

test('page.check: off makes no codes, and the names are those of repositories', async () => {
  const off = await startBerth({ BERTH_PAGE_CHECK: 'off' });
  try {
    const browser = newVisitor(off);
    expect((await browser.get('/ui/setup')).text).not.toContain('/ui/setup/check');
    expect((await browser.post('/ui/setup/check', {})).status).toBe(404);
    const { body } = await call(off, 'GET', `/v2/berth-check/${'0'.repeat(20)}/manifests/latest`);
    expect(body.toString()).not.toContain('this test');
  } finally {
    await off.close();
  }
});

describe('the way from this server to an upstream', () => {
  const press = (name: string, browser = visitor) => browser.post('/ui/setup/upstream', { test: name, client: 'podman' });
  /** Resolves to what the page says after the test. */
  async function notice(name: string, browser = visitor): Promise<string> {
    const { status, location } = await press(name, browser);
    expect([status, location]).toEqual([303, '/ui/setup?client=podman']);
    const { text } = await browser.get(location);
    return /role="(?:status|alert)">[^]*?<\/div>/.exec(text)?.[0] ?? '';
  }
  async function signIn(name: string, password: string): Promise<Visitor> {
    const browser = newVisitor(berth);
    await browser.post('/ui/login', { name, password });
    return browser;
  }

  test('is tested by a button, by one request that counts as no pull, and only admins see addresses', async () => {
    hub.requests.length = 0;
    const user = await signIn('alice', 'wonderland');
    expect(await notice('docker.io', user)).toMatch(/docker\.io answers this server \(\d+ ms\)/);
    expect(hub.requests.map(({ method, url }) => `${method} ${url}`)).toEqual(['HEAD /v2/']);
    await hub.goAway();
    expect(await notice('docker.io')).toMatch(/cannot connect to docker\.io[^]*ECONNREFUSED/);
    expect(await notice('docker.io', user)).toMatch(/cannot connect to docker\.io(?![^]*ECONNREFUSED)/);
    const check = async (as?: typeof alice) =>
      (await api('POST', '/mirror/upstreams/check', { upstream: 'docker.io' }, as)).json();
    expect(await check()).toMatchObject({ result: 'unreachable', detail: expect.stringContaining('ECONNREFUSED') });
    expect(await check(alice)).toMatchObject({ result: 'unreachable', detail: null });
    await hub.comeBack();
  });

  test('is refused with the time to wait after six tests in a minute, over all accounts', async () => {
    const { rateWindows } = berth.metadata;
    await rateWindows.forget(Number.MAX_SAFE_INTEGER);
    await rateWindows.take([{ name: 'test of docker.io', limit: 6, endsAt: Date.now() + 110_000, wanted: 6 }], Date.now());
    hub.requests.length = 0;
    const { status, header, text } = await press('docker.io');
    expect([status, Number(header('retry-after')) > 0]).toEqual([429, true]);
    expect(text).toMatch(/docker\.io was tested 6 times within a minute: try again in \d+ seconds/);
    expect(text).toMatch(/Try again in \d+ seconds\.[^]*Request [\w-]+:/);
    expect((await api('POST', '/mirror/upstreams/check', { upstream: 'docker.io' }, alice)).status).toBe(429);
    expect(hub.requests).toEqual([]);
  });

  test.each(['127.0.0.1', 'http://169.254.169.254/', 'evil.example', ''])(
    'is not tested to %p, which is no upstream',
    async (name) => {
      expect((await press(name)).status).toBe(404);
      expect((await api('POST', '/mirror/upstreams/check', { upstream: name })).status).toBeGreaterThanOrEqual(400);
    },
  );
});

test('the visitor chooses client and upstream, and a foreign address of the page is named', async () => {
  const { text } = await visitor.get('/ui/setup?client=podman&upstream=ghcr.io');
  expect(text).toMatch(/<option value="ghcr.io" selected>/);
  expect(text).toContain('prefix = &#34;ghcr.io&#34;');
  expect(text).not.toContain('prefix = &#34;quay.io&#34;');
  expect(text).toMatch(/Your browser, at 127\.0\.0\.1, has reached this server.*Clients use the same address/s);
  const docker = (await visitor.get('/ui/setup?client=docker&upstream=ghcr.io')).text;
  expect(docker).toMatch(/Docker asks mirrors for images of Docker Hub only/);
});

test('a page of an error keeps the frame of the visitor, and has the id of the request and a way back', async () => {
  const { status, text } = await visitor.get('/ui/nothing');
  expect(status).toBe(404);
  expect(text).toMatch(/class="user">admin<[^]*There is no such page[^]*you may not see it[^]*Request [\w-]+:[^]*href="\/ui"/);
});

test('a fresh registry says what to do first: sign in and push, upload, set up clients', async () => {
  const { text } = await visitor.get('/ui');
  expect(text).toMatch(/docker login [\d.:]+ -u admin[^]*docker push [^]*href="\/ui\/upload"[^]*href="\/ui\/setup"/);
  expect((await visitor.get('/ui/mirror')).text).toContain('Set up clients to pull through this server.');
});
