import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { TestBerth } from '../../support/berth.ts';
import { call } from '../../support/call.ts';
import { type FakeUpstream, type FakeUpstreamOptions, startFakeUpstream } from '../../support/fake-upstream.ts';
import { digestOf } from '../../support/images.ts';
import { startMirror } from '../../support/mirror.ts';
import { writeCertificate } from '../../support/certificate.ts';
import { run } from '../../support/run.ts';
import { describeWith } from '../../support/requires.ts';

let upstream: FakeUpstream;
let berth: TestBerth;
let scratch: string;

const login = { username: 'bot', password: 'secret' };

async function start(options: FakeUpstreamOptions, settings: object = {}, mirror: object = {}): Promise<void> {
  upstream = await startFakeUpstream(options);
  berth = await startMirror({ upstreams: { 'ghcr.io': { url: upstream.url, ...settings } }, ...mirror });
}
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'berth-upstreams-'));
});
afterEach(async () => {
  await berth.close();
  await upstream.close();
  await rm(scratch, { recursive: true });
});

const get = (reference: string) => call(berth, 'GET', `/v2/ghcr.io/o/i/manifests/${reference}`);
const getBlob = (digest: string) => call(berth, 'GET', `/v2/ghcr.io/o/i/blobs/${digest}`);

describe('tokens', () => {
  test('one token serves every request of a repository', async () => {
    await start({ auth: 'bearer' });
    const images = Array.from({ length: 20 }, (_, tag) => upstream.addImage('o/i', String(tag)));
    await Promise.all(images.flatMap(({ digest, layer }) => [get(digest), getBlob(digestOf(layer))]));
    expect(upstream.count('GET', /^\/token/, 'token')).toBe(1);
    expect(upstream.requests.find(({ at }) => at === 'token')?.url).toContain('scope=repository%3Ao%2Fi%3Apull');
  });

  test('a token that the upstream no longer accepts is replaced', async () => {
    await start({ auth: 'bearer' });
    const [one, other] = [upstream.addImage('o/i', '1'), upstream.addImage('o/i', '2')];
    await get(one.digest);
    upstream.expireTokens();
    expect((await get(other.digest)).status).toBe(200);
    expect(upstream.count('GET', /^\/token/, 'token')).toBe(2);
  });
});

describe('scopes', () => {
  test('the scope of the challenge is used for a registry with scopes of its own (public.ecr.aws)', async () => {
    await start({ auth: 'bearer' });
    upstream.addImage('o/i', '1');
    const challenge = `Bearer realm="${upstream.url}/token",service="fake",scope="aws"`;
    upstream.misbehave('GET', /manifests/, { status: 401, headers: { 'WWW-Authenticate': challenge } });
    expect((await get('1')).status).toBe(200);
    expect(upstream.requests.find(({ at }) => at === 'token')?.url).toContain('scope=aws');
  });

  test("at the host of a redirect the scope has that host's name of the repository (registry.k8s.io)", async () => {
    await start({ auth: 'bearer' }, login);
    const region = await startFakeUpstream({ auth: 'bearer' });
    const images = ['one', 'two'].map((name) => region.addImage(`production/${name}`, '1'));
    for (const [index, name] of ['one', 'two'].entries()) {
      const headers = { Location: `${region.url}/v2/production/${name}/manifests/1` };
      upstream.misbehave('GET', new RegExp(`o/${name}`), { status: 307, headers });
      const answer = await call(berth, 'GET', `/v2/ghcr.io/o/${name}/manifests/1`);
      expect(answer.body.toString()).toBe(images[index]?.manifest);
    }
    const tokens = region.requests.filter(({ at }) => at === 'token');
    expect(tokens.at(-1)?.url).toContain('scope=repository%3Aproduction%2Ftwo%3Apull');
    expect(tokens.every(({ headers }) => headers.authorization === undefined)).toBe(true);
    await region.close();
  });
});

describe('secrets', () => {
  test('a login goes to the token server and never to the host of the blobs', async () => {
    await start({ auth: 'bearer', login, redirectBlobs: true }, login);
    const digest = upstream.addBlob('o/i', Buffer.from('private'));
    expect((await getBlob(digest)).body.toString()).toBe('private');
    const seen = (at: string) =>
      upstream.requests.filter((request) => request.at === at).map(({ headers }) => headers.authorization);
    expect(seen('token')).toEqual([`Basic ${Buffer.from('bot:secret').toString('base64')}`]);
    expect(seen('cdn')).toEqual([undefined]);
  });

  test('manifests may be redirected to another host too', async () => {
    await start({ auth: 'bearer', redirectManifests: true });
    const { digest, manifest } = upstream.addImage('o/i', '1');
    expect((await get('1')).body.toString()).toBe(manifest);
    expect((await call(berth, 'HEAD', '/v2/ghcr.io/o/i/manifests/1')).headers['docker-content-digest']).toBe(digest);
  });

  test.each(['http://169.254.169.254/latest', 'http://[fe80::1]/', 'file:///etc/passwd', 'http://user:x@169.254.1.1/'])(
    'a redirect to %s is not followed',
    async (location) => {
      await start({});
      const digest = upstream.addBlob('o/i', Buffer.from('x'));
      upstream.misbehave('GET', /blobs/, { status: 307, headers: { Location: location } }, 9);
      expect((await getBlob(digest)).status).toBe(502);
    },
  );

  test('redirects in a circle end with an error', async () => {
    await start({});
    const digest = upstream.addBlob('o/i', Buffer.from('x'));
    upstream.misbehave('GET', /blobs/, { status: 307, headers: { Location: `/v2/o/i/blobs/${digest}` } }, 99);
    expect((await getBlob(digest)).status).toBe(502);
    expect(upstream.requests.length).toBeLessThan(10);
  });
});

describe('limits', () => {
  test('after a 429 the upstream gets no request until Retry-After', async () => {
    await start({}, {}, { freshness: '1ms' });
    const { manifest } = upstream.addImage('o/i', '1');
    await get('1');
    upstream.misbehave('HEAD', /manifests/, { status: 429, headers: { 'Retry-After': '3600' } });
    await get('1');
    const before = upstream.requests.length;
    const answers = await Promise.all(Array.from({ length: 50 }, () => get('1')));
    expect(answers.every(({ status, body }) => status === 200 && body.toString() === manifest)).toBe(true);
    expect(upstream.requests.length).toBe(before);
    expect((await get('other')).status).toBe(429);
  });
});

describe('logins', () => {
  test('a refused login does not hide public repositories', async () => {
    await start({ auth: 'bearer' }, login);
    upstream.misbehave('GET', /^token/, { status: 403 });
    const { manifest } = upstream.addImage('o/i', '1');
    expect((await get('1')).body.toString()).toBe(manifest);
    expect(
      upstream.requests.filter(({ at }) => at === 'token').map(({ headers }) => headers.authorization !== undefined),
    ).toEqual([true, false]);
  });

  test('a Basic challenge is answered with Basic', async () => {
    await start({ auth: 'basic', login }, login);
    upstream.addImage('o/i', '1');
    expect((await get('1')).status).toBe(200);
  });

  test('a repository that needs a login is 404 where berth has none', async () => {
    await start({ auth: 'basic', login });
    upstream.addImage('o/i', '1');
    expect((await get('1')).status).toBe(404);
  });
});

describe('sources of logins', () => {
  test('a password file is read again when it changes', async () => {
    const passwordFile = join(scratch, 'password');
    await writeFile(passwordFile, 'old\n');
    await start({ auth: 'basic', login }, { username: 'bot', passwordFile });
    upstream.addImage('o/i', '1');
    expect((await get('1')).status).toBe(404);
    await writeFile(passwordFile, 'secret\n');
    upstream.addImage('o/i', '2');
    expect((await get('2')).status).toBe(200);
  });

  test("a command speaks the protocol of Docker's credential helpers", async () => {
    const program = join(scratch, 'helper');
    await writeFile(
      program,
      '#!/bin/sh\nread -r host\ncase "$1 $host" in "get 127.0.0.1:"*) echo \'{"Username":"bot","Secret":"secret"}\';; *) exit 1;; esac\n',
    );
    await chmod(program, 0o755);
    await start({ auth: 'basic', login }, { credentialCommand: `${program} get` });
    upstream.addImage('o/i', '1');
    expect((await get('1')).status).toBe(200);
  });
});

test.each(['http://', ''])('the way out leads through the proxy %s127.0.0.1, but for hosts that are named', async (scheme) => {
  await start({});
  const { manifest } = upstream.addImage('o/i', '1');
  const asked: string[] = [];
  const proxy = createServer((request, response) => {
    asked.push(request.url ?? '');
    void fetch(request.url ?? '').then(async (answer) => {
      for (const name of ['content-type', 'docker-content-digest']) response.setHeader(name, answer.headers.get(name) ?? '');
      response.end(await answer.text());
    });
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const { port } = proxy.address() as AddressInfo;
  await berth.close();
  berth = await startMirror({
    upstreams: { 'ghcr.io': { url: upstream.url } },
    proxy: { http: `${scheme}127.0.0.1:${port}`, none: 'elsewhere.example' },
  });
  expect((await get('1')).body.toString()).toBe(manifest);
  expect(asked).toEqual([`${upstream.url}/v2/o/i/manifests/1`]);
  proxy.closeAllConnections();
  proxy.close();
});

describeWith(['openssl'], 'TLS', () => {
  test('an upstream with a certificate of its own is believed if its authority is named, and not otherwise', async () => {
    const files = await writeCertificate(scratch, 'upstream');
    const tls = { cert: await readFile(files.certificate, 'utf8'), key: await readFile(files.key, 'utf8') };
    await start({ tls, auth: 'bearer' }, { ca: files.certificate });
    const { manifest } = upstream.addImage('o/i', '1');
    expect((await get('1')).body.toString()).toBe(manifest);
    await berth.close();
    berth = await startMirror({ upstreams: { 'ghcr.io': { url: upstream.url } } });
    expect((await get('1')).status).toBe(502);
  });

  test("an upstream whose authority is in the system's store is trusted", async () => {
    const files = await writeCertificate(scratch, 'upstream');
    const tls = { cert: await readFile(files.certificate, 'utf8'), key: await readFile(files.key, 'utf8') };
    await start({ tls });
    upstream.addImage('o/i', '1');
    // The store is read once by a process: this one has read it already.
    const module = new URL('../../../src/upstream/transport.ts', import.meta.url).href;
    const script = `
      import { createTransport } from '${module}';
      const timeouts = { connectSeconds: 5, headersSeconds: 5, idleSeconds: 5 };
      const transport = createTransport({ timeouts, connections: 1, ca: undefined, proxy: {} });
      const url = new URL('/v2/o/i/manifests/1', '${upstream.url}');
      const asked = transport.send({ method: 'HEAD', url, headers: {}, rule: 'any' });
      console.log(await asked.then(({ statusCode }) => statusCode, ({ message }) => message));
      transport.close();`;
    const ask = (environment: object) =>
      run(process.execPath, ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', script], {
        env: { ...process.env, ...environment },
      });
    expect(await ask({ SSL_CERT_FILE: files.certificate })).toContain('200');
    expect(await ask({})).toContain('no connection');
  });

  test('a redirect from HTTPS to HTTP is not followed', async () => {
    const files = await writeCertificate(scratch, 'upstream');
    const tls = { cert: await readFile(files.certificate, 'utf8'), key: await readFile(files.key, 'utf8') };
    await start({ tls, redirectBlobs: true }, { ca: files.certificate });
    expect((await getBlob(upstream.addBlob('o/i', Buffer.from('x')))).status).toBe(502);
    expect(upstream.count('GET', /./, 'cdn')).toBe(0);
  });
});
