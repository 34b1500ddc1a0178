import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import jwt from 'jsonwebtoken';
import { startBerth } from '../../support/berth.ts';
import { type GuardedBerth, accessOf, askToken, basic, pushAs, startGuarded } from '../../support/access.ts';
import { call } from '../../support/call.ts';
import { type Issuer, startIssuer } from '../../support/issuer.ts';
import { run } from '../../support/run.ts';

let issuer: Issuer;
let berth: GuardedBerth;
let folder: string;

beforeAll(async () => {
  [issuer, folder] = await Promise.all([startIssuer(), mkdtemp(join(tmpdir(), 'berth-workload-'))]);
  berth = await startGuarded({
    BERTH_CONFIG: await configuration('good', {
      main: {
        issuer: issuer.url,
        audience: 'registry.example.com',
        claims: ['repository_owner=acme', 'ref=refs/heads/main'],
        grants: ['acme/*:pull,push'],
      },
      anyBranch: {
        issuer: issuer.url,
        audience: 'registry.example.com',
        claims: ['repository=acme/*'],
        grants: ['acme/**:pull'],
      },
      cluster: {
        issuer: issuer.url,
        jwksUrl: issuer.jwksUrl,
        audience: 'berth',
        claims: ['kubernetes\\.io.namespace=builds'],
        grants: ['cluster/**:pull'],
      },
    }),
  });
});
afterAll(async () => {
  await Promise.all([berth.close(), issuer.close()]);
  await rm(folder, { recursive: true });
});

async function configuration(name: string, identities: object): Promise<string> {
  const file = join(folder, `${name}.yaml`);
  await writeFile(file, JSON.stringify({ access: { identities } }));
  return file;
}

const job = {
  aud: 'registry.example.com',
  sub: 'repo:acme/app:ref:refs/heads/main',
  repository: 'acme/app',
  repository_owner: 'acme',
  ref: 'refs/heads/main',
};
/** The user name of a job does not matter. */
const loginWith = (token: string) => basic('ci', token);
const status = async (token: string) => (await call(berth, 'GET', '/token', { headers: loginWith(token) })).status;

test('a job that meets a rule pushes and pulls with its token as the password', async () => {
  const login = loginWith(issuer.sign(job));
  expect((await call(berth, 'GET', '/v2/', { headers: login })).status).toBe(200);
  await pushAs(berth, login, 'acme/app', '1');
  await expect(pushAs(berth, login, 'other/app', '1')).rejects.toThrow('403');
  const refresh = (await call(berth, 'GET', '/token?offline_token=true', { headers: login })).json();
  expect(refresh).not.toHaveProperty('refresh_token');
});

test('grants of matching rules add up, and each rule has its own conditions', async () => {
  const scopes = ['repository:acme/app:pull,push', 'repository:acme/deep/app:pull,push', 'repository:cluster/x:pull'];
  const actions = async (claims: object) =>
    accessOf(await askToken(berth, loginWith(issuer.sign(claims)), ...scopes)).map(
      ({ name, actions }) => `${name} ${actions.join()}`,
    );
  expect(await actions(job)).toEqual(['acme/app pull,push', 'acme/deep/app pull']);
  expect(await actions({ ...job, ref: 'refs/pull/1' })).toEqual(['acme/app pull', 'acme/deep/app pull']);
  expect(await actions({ aud: ['x', 'berth'], sub: 'pod', 'kubernetes.io': { namespace: 'builds' } })).toEqual([
    'cluster/x pull',
  ]);
});

test.each([
  ['another audience', { ...job, aud: 'elsewhere' }],
  ['no audience', { ...job, aud: undefined }],
  ['a claim that does not hold', { ...job, repository_owner: 'evil', repository: 'evil/app' }],
  ['a claim that only begins alike', { ...job, repository_owner: 'acme-evil', repository: 'acme-evil/app' }],
  ['a claim that is an object', { ...job, repository_owner: { acme: true }, repository: ['acme/app'] }],
  ['expired', { ...job, exp: Math.floor(Date.now() / 1000) - 600 }],
  ['from the future', { ...job, nbf: Math.floor(Date.now() / 1000) + 600 }],
  ['another issuer', { ...job, iss: 'https://elsewhere.example' }],
])('%s is refused', async (_what, claims) => {
  expect(await status(issuer.sign(JSON.parse(JSON.stringify(claims)) as object))).toBe(401);
});

test('a token with the right claims and another key is refused with any header', async () => {
  const own = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const real = JSON.parse(Buffer.from(issuer.sign(job).split('.')[0] ?? '', 'base64url').toString()) as { kid: string };
  const jwk = own.publicKey.export({ format: 'jwk' });
  for (const extra of [{ kid: real.kid }, { kid: real.kid, jwk }, { kid: 'unknown', jku: issuer.jwksUrl }]) {
    const claims = { ...job, iss: issuer.url, exp: Math.floor(Date.now() / 1000) + 300 };
    expect(await status(jwt.sign(claims, own.privateKey, { algorithm: 'RS256', header: { alg: 'RS256', ...extra } }))).toBe(401);
  }
});

test('invented kids do not cause repeated requests to the issuer', async () => {
  const before = issuer.asked();
  for (let count = 0; count < 20; count++) await status(issuer.sign(job, { keyid: `made-up-${count}` }));
  expect(issuer.asked() - before).toBeLessThanOrEqual(2);
});

test('an issuer that does not answer means 503 if its keys were never fetched, and the last keys otherwise', async () => {
  const silent = await startIssuer();
  silent.fail();
  const rule = { issuer: silent.url, audience: 'berth', claims: ['sub=job'], grants: ['**:pull'] };
  const waiting = await startGuarded({ BERTH_CONFIG: await configuration('silent', { silent: rule }) });
  const answer = await call(waiting, 'GET', '/token', { headers: loginWith(silent.sign({ aud: 'berth', sub: 'job' })) });
  expect([answer.status, answer.header('retry-after')]).toEqual([503, '5']);
  await Promise.all([waiting.close(), silent.close()]);
});

test.each([
  ['no claims', { claims: [], grants: ['a:pull'] }, 'claims is empty'],
  ['a claim that is none', { claims: ['owner'], grants: ['a:pull'] }, 'owner is not NAME=VALUE'],
  ['a grant that is none', { claims: ['a=b'], grants: ['a/**/b:pull'] }, 'a/**/b:pull is not PATTERN:ACTIONS'],
])('a rule with %s keeps berth from starting', async (_what, rule, message) => {
  const file = await configuration('bad', { bad: { issuer: 'https://ci.example', ...rule } });
  await expect(startBerth({ BERTH_ACCESS_MODE: 'token', BERTH_CONFIG: file })).rejects.toThrow(message);
  const main = join(import.meta.dirname, '../../../src/main.ts');
  const env = { ...process.env, BERTH_ACCESS_MODE: 'token' };
  await expect(run(process.execPath, [main, 'config', 'check', '--config', file], { env })).rejects.toThrow(message);
});
