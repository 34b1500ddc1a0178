import { generateKeyPairSync } from 'node:crypto';
import { beforeEach, describe, expect, test } from '@jest/globals';
import type { JWK } from 'jose';
import { IssuerUnavailable, createJwks, readJwks } from '../../../src/access/federation/jwks.ts';

function newKey(kid: string): JWK {
  return { ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' }), kid };
}

let now: number;
let published: readonly JWK[] | Error;
let loads: number;
let keys: { find(kid: string): Promise<unknown> };
/** What the issuer's answer waits for. */
let answers: Promise<void>;
beforeEach(() => {
  [now, published, loads] = [1_000_000, [newKey('a')], 0];
  answers = Promise.resolve();
  const load = async () => {
    loads++;
    await answers;
    return published instanceof Error ? Promise.reject(published) : Promise.resolve(published);
  };
  const jwks = createJwks(
    async () => ({ keys: [...(await load())] }),
    () => now,
  );
  keys = { find: (kid) => jwks.find({ kid, alg: 'ES256' }) };
});

test('keys are fetched once and again after ten minutes, which removes revoked keys', async () => {
  for (let count = 0; count < 10; count++) expect(await keys.find('a')).toBeDefined();
  expect(loads).toBe(1);
  published = [newKey('b')];
  now += 10 * 60_000;
  expect(await keys.find('a')).toBeUndefined();
  expect(await keys.find('b')).toBeDefined();
  expect(loads).toBe(2);
});

test('an unknown kid is requested at once, and kids that do not exist at most twice a minute', async () => {
  await keys.find('a');
  published = [newKey('a'), newKey('new')];
  now += 30_000;
  expect(await keys.find('new')).toBeDefined();
  for (let count = 0; count < 100; count++) {
    expect(await keys.find(`made up ${count}`)).toBeUndefined();
    now += 600;
  }
  expect(loads).toBe(3);
});

test('concurrent requests for keys wait for one answer', async () => {
  await Promise.all(Array.from({ length: 20 }, () => keys.find('a')));
  expect(loads).toBe(1);
});

describe('while a slow issuer is asked', () => {
  let answer: () => void;
  beforeEach(async () => {
    await keys.find('a');
    answers = new Promise((resolve) => (answer = resolve));
  });

  test('for a kid that does not exist, known keys are found at once', async () => {
    now += 60_000;
    const unknown = keys.find('made up');
    expect(loads).toBe(2);
    expect(await keys.find('a')).toBeDefined();
    answer();
    expect(await unknown).toBeUndefined();
  });

  test('for keys that grow old, known keys are found at once', async () => {
    now += 9 * 60_000;
    expect(await keys.find('a')).toBeDefined();
    expect(loads).toBe(2);
    answer();
  });

  test('a failed issuer delays known keys at most once in ten minutes', async () => {
    published = new Error('down');
    now += 20 * 60_000;
    answer();
    expect(await keys.find('a')).toBeDefined();
    answers = new Promise((resolve) => (answer = resolve));
    now += 60_000;
    const unknown = keys.find('made up');
    expect(loads).toBe(3);
    expect(await keys.find('a')).toBeDefined();
    answer();
    expect(await unknown).toBeUndefined();
  });
});

test('the last keys stay valid while an issuer does not answer, and without any the result is unavailable', async () => {
  published = new Error('down');
  await expect(keys.find('a')).rejects.toThrow(IssuerUnavailable);
  await expect(keys.find('a')).rejects.toThrow(IssuerUnavailable);
  published = [newKey('a')];
  now += 30_000;
  expect(await keys.find('a')).toBeDefined();
  published = new Error('down again');
  now += 20 * 60_000;
  expect(await keys.find('a')).toBeDefined();
});

test('keys for encryption, without a kid, symmetric or unreadable keys are left out', async () => {
  const others = [
    { ...newKey('enc'), use: 'enc' },
    { ...newKey('x'), kid: undefined },
    { kid: 'broken', kty: 'EC' },
    { kid: 'oct', kty: 'oct', k: 'AA' },
  ];
  published = [newKey('good'), ...(others as JWK[])];
  expect(await keys.find('good')).toBeDefined();
  for (const kid of ['enc', 'x', 'broken', 'oct']) expect(await keys.find(kid)).toBeUndefined();
});

test.each([undefined, null, [], {}, { keys: 'x' }])('%j is no set of keys', (document) => {
  expect(() => readJwks(document)).toThrow('not a JSON Web Key Set');
});
