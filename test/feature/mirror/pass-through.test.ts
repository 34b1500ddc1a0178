import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ConfigError } from '../../../config/config-error.ts';
import { loadConfig } from '../../../config/load.ts';
import { createPassThrough } from '../../../src/mirror/visibility/pass-through.ts';
import type { MirroredRepository } from '../../../src/mirror/names/routing.ts';
import type { RawAnswer } from '../../../src/upstream/upstream-client.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { basic } from '../../support/access.ts';
import { type TestBerth } from '../../support/berth.ts';
import { type Answer, type Call, call } from '../../support/call.ts';
import { type FakeUpstream, startFakeUpstream } from '../../support/fake-upstream.ts';
import { type TestImage, digestOf } from '../../support/images.ts';
import { mirrorConfig, startMirror } from '../../support/mirror.ts';

const bot = { username: 'bot', password: 'beep' };
const passwords = { alice: 'wonderland', bob: 'builder' };
type Client = 'anonymous' | keyof typeof passwords;

describe('pass-through', () => {
  let ghcr: FakeUpstream;
  let quay: FakeUpstream;
  let berth: TestBerth;
  let secret: TestImage;
  let open: TestImage;

  beforeAll(async () => {
    const users = [bot, ...Object.entries(passwords).map(([username, password]) => ({ username, password }))];
    [ghcr, quay] = await Promise.all([
      startFakeUpstream({ auth: 'bearer', users }),
      startFakeUpstream({ auth: 'bearer', users }),
    ]);
    berth = await startMirror({
      upstreams: { 'ghcr.io': { url: ghcr.url, ...bot, passThrough: true }, 'quay.io': { url: quay.url, ...bot } },
    });
    open = ghcr.addImage('o/open', '1');
    secret = ghcr.addImage('company/secret', '1');
    ghcr.hide('company/secret', ['bot', 'alice']);
    expect((await as('alice', 'GET', '/v2/ghcr.io/company/secret/manifests/1')).status).toBe(200);
    expect((await as('alice', 'GET', `/v2/ghcr.io/company/secret/blobs/${digestOf(secret.layer)}`)).status).toBe(200);
  });
  afterAll(async () => {
    await berth.close();
    await Promise.all([ghcr.close(), quay.close()]);
  });

  /** A token of the upstream's token server, as the challenge says. */
  async function tokenFor(client: Client, challenge: string): Promise<string> {
    const [, realm = '', service = '', scope = ''] =
      /^Bearer realm="([^"]*)",service="([^"]*)",scope="([^"]*)"$/.exec(challenge) ?? [];
    const { pathname, origin } = new URL(realm);
    const query = new URLSearchParams({ service, scope }).toString();
    const headers = client === 'anonymous' ? {} : basic(client, passwords[client]);
    return ((await call({ url: origin }, 'GET', `${pathname}?${query}`, { headers })).json() as { token: string }).token;
  }

  /** What a client does: asks, gets a token where it is told to, and asks again. */
  async function as(client: Client, method: string, path: string, options: Call = {}): Promise<Answer> {
    const first = await call(berth, method, path, options);
    if (first.status !== 401) return first;
    const Authorization = `Bearer ${await tokenFor(client, first.header('www-authenticate'))}`;
    return call(berth, method, path, { ...options, headers: { ...options.headers, Authorization } });
  }

  test('the API hides what the upstream does not show to everybody, and what could name it', async () => {
    const api = (path: string, body?: object) =>
      call(berth, body ? 'POST' : 'GET', `/api/v1/${path}`, {
        headers: { 'Content-Type': 'application/json' },
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
    const about = 'repository=ghcr.io/company/secret&reference=1';
    for (const path of [`image?${about}`, `tags?${about}`, `trash?${about}`, `why?${about}`, `tag-history?${about}&tag=1`])
      expect([path, (await api(path)).status]).toEqual([path, 404]);
    const repository = 'ghcr.io/company/secret';
    for (const [path, fields] of [
      ['deletions', { reference: '1' }],
      ['holds', { reference: '1', reason: 'x' }],
      ['tag-history/restore', { tag: '1' }],
    ] as const)
      expect([path, (await api(path, { repository, ...fields })).status]).toEqual([path, 404]);
    expect((await api('retention/log')).status).toBe(403);
    expect((await api('repositories')).body.toString()).not.toContain('secret');
  });

  const paths = (image: TestImage) => [
    'manifests/1',
    `manifests/${image.digest}`,
    `blobs/${digestOf(image.layer)}`,
    'tags/list',
    `referrers/${image.digest}`,
  ];

  test.each(['anonymous', 'alice', 'bob'] as const)('%s reads what the upstream shows', async (client) => {
    for (const method of ['GET', 'HEAD']) {
      for (const path of paths(open)) expect((await as(client, method, `/v2/ghcr.io/o/open/${path}`)).status).toBe(200);
      for (const path of paths(secret)) {
        const { status } = await as(client, method, `/v2/ghcr.io/company/secret/${path}`);
        expect([path, status]).toEqual([path, client === 'alice' ? 200 : 401]);
      }
    }
  });

  test('what is hidden looks like what does not exist', async () => {
    const answerFor = async (client: Client, repository: string, path: string) => {
      const { status, headers, body } = await as(client, 'GET', `/v2/ghcr.io/${repository}/${path}`);
      return [status, headers['www-authenticate'], body.toString()].join(' ').replaceAll(repository, 'NAME');
    };
    for (const client of ['anonymous', 'bob'] as const) {
      for (const path of paths(secret)) {
        expect(await answerFor(client, 'company/secret', path)).toBe(await answerFor(client, 'company/nothing', path));
      }
    }
  });

  test('nothing else leads to it: listings, search, mounts, deletion, passwords', async () => {
    expect((await call(berth, 'GET', '/v2/_catalog')).body.toString()).not.toContain('secret');
    expect((await call(berth, 'GET', '/v1/search?q=secret')).json()).toMatchObject({ num_results: 0 });
    expect((await call(berth, 'GET', '/ui')).body.toString()).not.toContain('secret');
    expect((await call(berth, 'GET', '/ui/r/ghcr.io/company/secret')).status).toBe(404);
    for (const from of ['', '&from=ghcr.io/company/secret']) {
      const mount = `/v2/own/app/blobs/uploads/?mount=${digestOf(secret.layer)}${from}`;
      expect((await call(berth, 'POST', mount, { headers: { 'Content-Length': 0 } })).status).toBe(202);
    }
    expect((await call(berth, 'DELETE', '/v2/ghcr.io/company/secret/manifests/1')).status).toBe(404);
    const password = basic('alice', passwords.alice);
    expect((await call(berth, 'GET', '/v2/ghcr.io/company/secret/manifests/1', { headers: password })).status).toBe(401);
  });

  test("a client's token is asked about once, and used for nothing else", async () => {
    const path = '/v2/ghcr.io/company/secret/manifests/1';
    const token = await tokenFor('alice', (await call(berth, 'GET', path)).header('www-authenticate'));
    for (let pull = 0; pull < 5; pull++) {
      for (const one of paths(secret)) {
        const headers = { Authorization: `Bearer ${token}` };
        expect((await call(berth, 'GET', `/v2/ghcr.io/company/secret/${one}`, { headers })).status).toBe(200);
      }
    }
    const seen = ghcr.requests.filter(({ headers }) => headers.authorization === `Bearer ${token}`);
    expect(seen.map(({ method, url }) => `${method} ${url}`)).toEqual(['HEAD /v2/company/secret/manifests/1']);
    // What it proved is of one repository.
    ghcr.hide('company/other', ['bot']);
    ghcr.addImage('company/other', '1');
    const other = { headers: { Authorization: `Bearer ${token}` } };
    expect((await call(berth, 'GET', '/v2/ghcr.io/company/other/manifests/1', other)).status).toBe(401);
  });

  test('at other upstreams mode open is open', async () => {
    quay.addImage('company/secret', '1');
    quay.hide('company/secret', ['bot']);
    expect((await call(berth, 'GET', '/v2/quay.io/company/secret/manifests/1')).status).toBe(200);
    expect((await call(berth, 'GET', '/v2/_catalog')).body.toString()).toContain('quay.io/company/secret');
  });

  test('while the upstream is gone, who has proven it may read, and nobody else', async () => {
    const path = '/v2/ghcr.io/company/secret/manifests/1';
    const challenge = (await call(berth, 'GET', path)).header('www-authenticate');
    const [known, unknown] = [await tokenFor('alice', challenge), await tokenFor('alice', challenge)];
    const get = (token: string) => call(berth, 'GET', path, { headers: { Authorization: `Bearer ${token}` } });
    expect((await get(known)).status).toBe(200);
    await ghcr.goAway();
    expect([(await get(known)).status, (await get(unknown)).status]).toEqual([200, 401]);
    await ghcr.comeBack();
  });
});

describe('a proof', () => {
  const source = {
    repository: 'ghcr.io/o/i',
    remoteName: 'o/i',
    upstream: { name: 'ghcr.io', url: new URL('https://ghcr.io') },
  } as MirroredRepository;
  const manifest = { status: 200, headers: { 'docker-content-digest': digestOf('x') } };
  let time = 1_000_000_000_000;
  let asked = 0;

  function passThrough(answer: RawAnswer, kept?: string) {
    asked = 0;
    const headAs = () => Promise.resolve((asked++, answer));
    const metadata = { manifests: { findAny: () => Promise.resolve(kept) } } as unknown as MetadataStore;
    return createPassThrough({ metadata, clientOf: () => ({ headAs }), now: () => time });
  }
  const reference = { digest: digestOf('x') } as never;
  const jwt = (exp: number) => `e30.${Buffer.from(JSON.stringify({ exp })).toString('base64url')}.x`;

  test.each([
    ['that says nothing of its life is good for a minute', 'opaque', 60],
    ['is good for no longer than the token', jwt(1_000_000_030), 30],
    ['is good for five minutes at most', jwt(1_000_090_000), 300],
  ])('%s', async (_what, token, seconds) => {
    time = 1_000_000_000_000;
    const { proves } = passThrough(manifest);
    const prove = () => proves(source, reference, `Bearer ${token}`);
    expect([await prove(), await prove(), asked]).toEqual([true, true, 1]);
    time += (seconds - 1) * 1000;
    expect([await prove(), asked]).toEqual([true, 1]);
    time += 1000;
    expect([await prove(), asked]).toEqual([true, 2]);
  });

  test.each([
    ['nothing', undefined],
    ['a password', 'Basic YTpi'],
    ['an empty token', 'Bearer '],
    ['two tokens', 'Bearer a b'],
    ['a line break', 'Bearer a\r\nX: y'],
  ])('is not %s', async (_what, authorization) => {
    expect([await passThrough(manifest).proves(source, reference, authorization), asked]).toEqual([false, 0]);
  });

  test('is a manifest, and of the repository', async () => {
    const refused = [
      { status: 200, headers: { 'content-type': 'text/html' } },
      { status: 401, headers: manifest.headers },
      { status: 307, headers: manifest.headers },
    ];
    for (const answer of refused) expect(await passThrough(answer).proves(source, reference, 'Bearer a')).toBe(false);
    expect([await passThrough(manifest).proves(source, undefined, 'Bearer a'), asked]).toEqual([false, 0]);
    expect([await passThrough(manifest, digestOf('y')).proves(source, undefined, 'Bearer a'), asked]).toEqual([true, 1]);
  });

  test.each([
    ['its own domain', 'Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="other"', true],
    ['another host', 'Bearer realm="https://evil.example/token",service="ghcr.io"', false],
    ['a token server without TLS', 'Bearer realm="http://ghcr.io/token"', false],
    ['Basic', 'Basic realm="ghcr.io"', false],
  ])('a challenge leads clients to %s', async (_what, header, isTrusted) => {
    const { challenge } = passThrough({ status: 401, headers: { 'www-authenticate': header } });
    const expected = 'Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:o/i:pull"';
    expect(await challenge(source)).toBe(isTrusted ? expected : undefined);
  });
});

test('pass-through is for mode open, and for an upstream that berth has a login for', async () => {
  const url = 'https://ghcr.io';
  const upstreams = { 'ghcr.io': { url, passThrough: true }, 'quay.io': { url, ...bot, passThrough: true } };
  const { file, remove } = await mirrorConfig({ upstreams });
  const load = () => loadConfig({ file, environment: { BERTH_ACCESS_MODE: 'token' } });
  let errors: readonly string[] = [];
  try {
    load();
  } catch (error) {
    errors = (error as ConfigError).errors;
  }
  expect(errors).toEqual([
    expect.stringContaining('mirror.upstreams.ghcr.io.passThrough is for access.mode open'),
    expect.stringContaining('mirror.upstreams.ghcr.io.passThrough needs mirror.upstreams.ghcr.io.username'),
    expect.stringContaining('mirror.upstreams.quay.io.passThrough is for access.mode open'),
  ]);
  await remove();
});
