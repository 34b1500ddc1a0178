import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import jwt from 'jsonwebtoken';
import { type GuardedBerth, admin, alice, askToken, pushAs, startWithAlice } from '../../support/access.ts';
import { call } from '../../support/call.ts';

let berth: GuardedBerth;
/** A good token, and the key that signed it: what only somebody with the database has. */
let good: string;
let header: { kid: string };
let payload: Record<string, unknown>;
let privateKey: string;

beforeAll(async () => {
  berth = await startWithAlice();
  await pushAs(berth, admin, 'secret/app', '1');
  await pushAs(berth, alice, 'alice/app', '1');
  good = await askToken(berth, alice, 'repository:alice/app:pull');
  ({ header, payload } = jwt.decode(good, { complete: true }) as never);
  const [key] = await berth.metadata.signingKeys.list();
  privateKey = key?.privateKey ?? '';
});
afterAll(() => berth.close());

const status = async (token: string, path = '/v2/alice/app/manifests/1') =>
  (await call(berth, 'GET', path, { headers: { Authorization: `Bearer ${token}` } })).status;
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const sign = (claims: object, options: jwt.SignOptions = {}) =>
  jwt.sign(JSON.parse(JSON.stringify({ ...payload, ...claims })) as object, privateKey, {
    algorithm: 'ES256',
    keyid: header.kid,
    ...options,
  });
const seconds = () => Math.floor(Date.now() / 1000);

test('a valid token and the same token signed again are accepted', async () => {
  expect(await status(good)).toBe(200);
  expect(await status(sign({}))).toBe(200);
});

describe('refused', () => {
  const own = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const ownJwk = own.publicKey.export({ format: 'jwk' });
  const publicPem = () => createPublicKey(createPrivateKey(privateKey)).export({ type: 'spki', format: 'pem' }).toString();
  const hmac = (secret: string) =>
    jwt.sign(payload, Buffer.from(secret), { algorithm: 'HS256', keyid: header.kid, allowInsecureKeySizes: true });
  const forge = (extra: object) => jwt.sign(payload, own.privateKey, { algorithm: 'ES256', header: { alg: 'ES256', ...extra } });
  const tamper = (claims: object) => [good.split('.')[0], encode({ ...payload, ...claims }), good.split('.')[2]].join('.');

  const attacks: Readonly<Record<string, () => string>> = {
    'alg none': () => `${encode({ alg: 'none', typ: 'JWT', kid: header.kid })}.${encode(payload)}.`,
    'alg NONE, with the signature': () => `${encode({ alg: 'NONE', kid: header.kid })}.${encode(payload)}.${good.split('.')[2]}`,
    'HS256 with the public key (PEM)': () => hmac(publicPem()),
    'HS256 with the public key (JWK)': () =>
      hmac(JSON.stringify(createPublicKey(createPrivateKey(privateKey)).export({ format: 'jwk' }))),
    'ES256 with a key of its own, under our kid': () => forge({ kid: header.kid }),
    'a key in the token (jwk)': () => forge({ kid: header.kid, jwk: ownJwk }),
    'a key in the token, of its own kid': () => forge({ kid: 'mine', jwk: { ...ownJwk, kid: 'mine' } }),
    'a key elsewhere (jku)': () => forge({ kid: 'mine', jku: `${berth.url}/.well-known/jwks.json` }),
    'a certificate in the token (x5c)': () => forge({ kid: header.kid, x5c: ['MIIB'] }),
    'a kid that is a path': () => forge({ kid: '../../../../dev/null' }),
    'a kid that is SQL': () => forge({ kid: "' OR 1=1 --" }),
    'no kid': () => forge({}),
    'another audience': () => sign({ aud: 'elsewhere' }),
    'another issuer': () => sign({ iss: 'elsewhere' }),
    'not before the future': () => sign({ nbf: seconds() + 3600 }),
    expired: () => sign({ exp: seconds() - 3600 }),
    'no expiry': () => sign({ exp: undefined }),
    'tampered access': () => tamper({ access: [{ type: 'repository', name: 'secret/app', actions: ['pull'] }] }),
    'tampered identity': () => tamper({ identity: { kind: 'account', accountId: 1, generation: 0 } }),
    'a cut signature': () => good.slice(0, -4),
    'an empty signature': () => `${good.split('.').slice(0, 2).join('.')}.`,
    'no payload': () => `${good.split('.')[0]}..${good.split('.')[2]}`,
    'a payload that is no object': () => jwt.sign('text', privateKey, { algorithm: 'ES256', keyid: header.kid }),
    'no identity': () => sign({ identity: undefined }),
    'no access': () => sign({ access: undefined }),
    'a generation of before': () => sign({ identity: { kind: 'account', accountId: 2, generation: -1 } }),
    'an account that does not exist': () => sign({ identity: { kind: 'account', accountId: 999, generation: 0 } }),
    nonsense: () => 'a.b.c',
    'a long token': () => `${good}${'x'.repeat(20_000 - good.length)}`.slice(0, 15_000),
  };

  test.each(Object.entries(attacks))('%s', async (_title, attack) => {
    expect(await status(attack())).toBe(401);
    expect(await status(attack(), '/v2/')).toBe(401);
  });
});

test('a token grants no more than its subject may do', async () => {
  const access = [{ type: 'repository', name: 'secret/app', actions: ['pull', 'push', '*'] }];
  // Signed by the real key: still alice has no grant there.
  expect(await status(sign({ access }), '/v2/secret/app/manifests/1')).toBe(404);
  expect(await status(sign({ access: [] }))).toBe(401);
  expect(await status(sign({ access: [{ type: 'repository', name: 'alice/app', actions: ['push'] }] }))).toBe(401);
});
