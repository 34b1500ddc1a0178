import { X509Certificate, createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import jwt from 'jsonwebtoken';
import { libtrustId } from '../../../src/access/federation/trusted-certificates.ts';
import { mediaTypes } from '../../../src/oci/media-types.ts';
import { type TestBerth, startBerth } from '../../support/berth.ts';
import { call } from '../../support/call.ts';
import { writeCertificate } from '../../support/certificate.ts';
import { newIndex } from '../../support/images.ts';
import { type Issuer, startIssuer } from '../../support/issuer.ts';
import { missing, run } from '../../support/run.ts';

const settings = {
  BERTH_ACCESS_MODE: 'external',
  BERTH_ACCESS_EXTERNAL_REALM: 'https://auth.example.com/token',
  BERTH_ACCESS_EXTERNAL_SERVICE: 'registry.example.com',
};
const pull = (...names: string[]) => names.map((name) => ({ type: 'repository', name, actions: ['pull'] }));
const everything = [{ type: 'repository', name: 'app', actions: ['pull', 'push', 'delete'] }];

const pushed = ['team/one', 'team/two'];

const status = async (berth: TestBerth, token: string, path = '/v2/') =>
  (await call(berth, 'GET', path, { headers: { Authorization: `Bearer ${token}` } })).status;

describe('keys from a JWKS', () => {
  let issuer: Issuer;
  let berth: TestBerth;
  beforeAll(async () => {
    issuer = await startIssuer();
    berth = await startBerth({
      ...settings,
      BERTH_ACCESS_EXTERNAL_ISSUER: issuer.url,
      BERTH_ACCESS_EXTERNAL_JWKS_URL: issuer.jwksUrl,
    });
  });
  afterAll(async () => {
    await Promise.all([berth.close(), issuer.close()]);
  });
  const sign = (access: unknown, claims = {}) => issuer.sign({ aud: 'registry.example.com', sub: 'alice', access, ...claims });

  async function found(token: string): Promise<readonly string[]> {
    const answer = await call(berth, 'GET', '/v1/search?q=team', { headers: { Authorization: `Bearer ${token}` } });
    return (JSON.parse(answer.body.toString()) as { results: { name: string }[] }).results.map(({ name }) => name);
  }

  test('the challenge leads to the other server', async () => {
    const answer = await call(berth, 'GET', '/v2/app/tags/list');
    expect([answer.status, answer.headers['www-authenticate']]).toEqual([
      401,
      'Bearer realm="https://auth.example.com/token",service="registry.example.com",scope="repository:app:pull"',
    ]);
    expect((await call(berth, 'GET', '/token')).status).toBe(404);
  });

  test('the token alone decides what its bearer may do', async () => {
    const headers = { Authorization: `Bearer ${sign(everything)}` };
    const started = await call(berth, 'POST', '/v2/app/blobs/uploads/', { headers: { ...headers, 'Content-Length': 0 } });
    expect(started.status).toBe(202);
    expect(await status(berth, sign([]))).toBe(200);
    expect(await status(berth, sign(pull('app')), '/v2/app/manifests/1')).toBe(404);
    expect(await status(berth, sign(pull('other')), '/v2/app/manifests/1')).toBe(401);
    expect(await status(berth, sign(undefined), '/v2/app/manifests/1')).toBe(401);
    expect(await status(berth, sign([{ type: 'registry', name: 'catalog', actions: ['*'] }]), '/v2/_catalog')).toBe(200);
    expect(await status(berth, sign(everything), '/v2/_catalog')).toBe(401);
    const other = { Authorization: `Bearer ${sign(everything, { sub: 'bob' })}` };
    expect((await call(berth, 'GET', started.header('location'), { headers: other })).status).toBe(404);
  });

  test('search shows only the repositories that the token covers', async () => {
    const all = sign(pushed.map((name) => ({ type: 'repository', name, actions: ['*'] })));
    const headers = { Authorization: `Bearer ${all}`, 'Content-Type': mediaTypes.ociIndex };
    for (const name of pushed) {
      const answer = await call(berth, 'PUT', `/v2/${name}/manifests/1`, { headers, body: newIndex([]) });
      expect(answer.status).toBe(201);
    }
    expect(await found(sign([]))).toEqual([]);
    expect(await found(sign(pull('team/one')))).toEqual(['team/one']);
    expect(await found(sign([{ type: 'repository', name: 'team/one', actions: ['push'] }]))).toEqual([]);
    expect(await found(sign([{ type: 'registry', name: 'catalog', actions: ['*'] }]))).toEqual(pushed);
  });

  test.each([
    ['a name that holds a second scope', { type: 'repository', name: 'team/one:pull repository:team/two', actions: ['pull'] }],
    ['an action that holds a second scope', { type: 'repository', name: 'team/one', actions: ['push repository:team/two:pull'] }],
    ['a type that holds a second scope', { type: 'repository:team/two:pull repository', name: 'team/one', actions: ['pull'] }],
    ['a name that is no text', { type: 'repository', name: ['team/two'], actions: ['pull'] }],
    ['a pattern as the name', { type: 'repository', name: 'team/**', actions: ['pull'] }],
    ['actions that are text', { type: 'repository', name: 'team/two', actions: 'pull' }],
  ])('an access entry with %s grants nothing', async (_what, entry) => {
    expect(await status(berth, sign([entry]), '/v2/team/two/tags/list')).toBe(401);
    expect(await found(sign([entry]))).toEqual([]);
  });

  test.each([
    ['another audience', { aud: 'elsewhere' }],
    ['another issuer', { iss: 'elsewhere' }],
    ['expired', { exp: 1_000_000_000 }],
    ['not yet', { nbf: 4_000_000_000 }],
  ])('%s is refused', async (_what, claims) => {
    expect(await status(berth, sign(everything, claims))).toBe(401);
  });

  test('Basic authentication is refused', async () => {
    const headers = { Authorization: `Basic ${Buffer.from('admin:admin').toString('base64')}` };
    expect((await call(berth, 'GET', '/v2/', { headers })).status).toBe(401);
  });
});

const describeWithOpenssl = missing('openssl').length > 0 ? describe.skip : describe;
describeWithOpenssl('keys by a bundle of certificates', () => {
  let folder: string;
  let berth: TestBerth;
  let own: { readonly key: string; readonly certificate: X509Certificate };
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'berth-external-'));
    const files = await writeCertificate(folder, 'auth');
    own = { key: await readFile(files.key, 'utf8'), certificate: new X509Certificate(await readFile(files.certificate)) };
    berth = await startBerth({
      ...settings,
      BERTH_ACCESS_EXTERNAL_ISSUER: 'auth',
      BERTH_ACCESS_EXTERNAL_CERTIFICATES: files.certificate,
    });
  });
  afterAll(async () => {
    await berth.close();
    await rm(folder, { recursive: true });
  });

  const sign = (key: string, header: object) =>
    jwt.sign({ iss: 'auth', aud: 'registry.example.com', sub: 'alice', access: everything }, createPrivateKey(key), {
      algorithm: 'ES256',
      expiresIn: 300,
      header: { alg: 'ES256', ...header },
    });
  const x5c = ({ raw }: X509Certificate) => [raw.toString('base64')];

  async function issue(name: string, days = '2'): Promise<{ readonly key: string; readonly certificate: X509Certificate }> {
    const [key, request, certificate] = ['key', 'csr', 'pem'].map((suffix) => join(folder, `${name}.${suffix}`)) as [
      string,
      string,
      string,
    ];
    const pair = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key];
    await run('openssl', ['req', '-new', ...pair, '-subj', `/CN=${name}`, '-out', request]);
    const by = ['-CA', join(folder, 'certificate.pem'), '-CAkey', join(folder, 'key.pem'), '-CAcreateserial', '-days', days];
    await run('openssl', ['x509', '-req', '-in', request, ...by, '-out', certificate]);
    return { key: await readFile(key, 'utf8'), certificate: new X509Certificate(await readFile(certificate)) };
  }

  test("a kid as Docker's libtrust makes it, or the certificate itself", async () => {
    expect(await status(berth, sign(own.key, { kid: libtrustId(own.certificate.publicKey) }))).toBe(200);
    expect(await status(berth, sign(own.key, { x5c: x5c(own.certificate) }))).toBe(200);
    expect(libtrustId(own.certificate.publicKey)).toMatch(/^(?:[A-Z2-7]{4}:){11}[A-Z2-7]{4}$/);
  });

  test('a certificate that the configured one issued is accepted, others and intermediate ones are refused', async () => {
    const issued = await issue('issued');
    expect(await status(berth, sign(issued.key, { x5c: x5c(issued.certificate) }))).toBe(200);
    const stranger = await mkdtemp(join(tmpdir(), 'berth-stranger-'));
    const files = await writeCertificate(stranger, 'auth');
    const foreign = {
      key: await readFile(files.key, 'utf8'),
      certificate: new X509Certificate(await readFile(files.certificate)),
    };
    await rm(stranger, { recursive: true });
    expect(await status(berth, sign(foreign.key, { x5c: x5c(foreign.certificate) }))).toBe(401);
    expect(await status(berth, sign(foreign.key, { x5c: [...x5c(foreign.certificate), ...x5c(own.certificate)] }))).toBe(401);
    expect(await status(berth, sign(foreign.key, { x5c: x5c(own.certificate) }))).toBe(401);
    expect(await status(berth, sign(foreign.key, { kid: libtrustId(own.certificate.publicKey) }))).toBe(401);
  });

  test('keys within a token without a certificate are ignored', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    expect(await status(berth, sign(key, { jwk: publicKey.export({ format: 'jwk' }) }))).toBe(401);
    expect(await status(berth, sign(key, { kid: libtrustId(publicKey) }))).toBe(401);
    expect(await status(berth, sign(key, {}))).toBe(401);
  });
});

test('a start reports missing settings', async () => {
  await expect(startBerth({ BERTH_ACCESS_MODE: 'external' })).rejects.toThrow(
    'needs access.external.realm and access.external.issuer',
  );
  const more = { ...settings, BERTH_ACCESS_EXTERNAL_ISSUER: 'auth' };
  await expect(startBerth(more)).rejects.toThrow('access.external.certificates or access.external.jwksUrl');
  await expect(startBerth({ ...more, BERTH_ACCESS_EXTERNAL_CERTIFICATES: '/nowhere' })).rejects.toThrow('cannot be read');
});
