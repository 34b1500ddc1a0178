import { describe, expect, test } from '@jest/globals';
import { loadConfig } from '../../../config/load.ts';
import { type AddressRule, allows } from '../../../src/upstream/address-guard.ts';
import { createBreaker } from '../../../src/upstream/breaker.ts';
import { mayTrust, parseChallenge } from '../../../src/upstream/challenge.ts';
import { createRateLimits } from '../../../src/upstream/rate-limit.ts';
import { createTokens, parseToken } from '../../../src/upstream/tokens.ts';
import { UpstreamError } from '../../../src/upstream/upstream-error.ts';
import { gate } from '../../support/until.ts';

test.each([
  ['169.254.169.254', 'private', false],
  ['fe80::1', 'private', false],
  ['::ffff:169.254.169.254', 'private', false],
  ['10.1.2.3', 'private', true],
  ['10.1.2.3', 'public', false],
  ['127.0.0.1', 'public', false],
  ['::1', 'public', false],
  ['::ffff:127.0.0.1', 'public', false],
  ['fd12::1', 'public', false],
  ['0.0.0.0', 'public', false],
  ['1.1.1.1', 'public', true],
  ['2606:4700::1111', 'public', true],
  ['169.254.169.254', 'any', true],
] as [string, AddressRule, boolean][])('a redirect to %s under the rule "%s" is permitted: %s', (address, rule, expected) => {
  expect(allows(rule, address)).toBe(expected);
});

test.each([
  ['https://auth.docker.io/token', 'https://registry-1.docker.io', true],
  ['https://docker.io/token', 'https://registry-1.docker.io', true],
  ['https://ghcr.io/token', 'https://ghcr.io', true],
  ['http://ghcr.io/token', 'https://ghcr.io', false],
  ['https://evil.io/token', 'https://ghcr.io', false],
  ['https://evil.co.uk/token', 'https://registry.co.uk', false],
  ['https://evildocker.io/token', 'https://registry-1.docker.io', false],
  ['https://10.0.0.2/token', 'https://10.0.0.1', false],
])('the login for the token server %s at the registry %s may be used: %s', (realm, registry, expected) => {
  expect(mayTrust(new URL(realm), new URL(registry))).toBe(expected);
});

describe('the rate limit of an upstream', () => {
  const headers = (remaining: number) => ({ 'ratelimit-limit': '100;w=60', 'ratelimit-remaining': `${remaining};w=60` });

  test('is scarce below a fifth, until the upstream counts anew', () => {
    let time = 0;
    const limits = createRateLimits(() => time);
    limits.observe('docker.io', undefined, headers(19));
    expect([limits.isScarce('docker.io', undefined), limits.isScarce('ghcr.io', undefined)]).toEqual([true, false]);
    time = 60_000;
    expect([limits.isScarce('docker.io', undefined), limits.scarcest('docker.io')]).toEqual([false, undefined]);
    limits.observe('docker.io', undefined, headers(20));
    expect(limits.isScarce('docker.io', undefined)).toBe(false);
  });

  test('is kept for each login: a scarce one does not slow the others, and the metric shows it', () => {
    const limits = createRateLimits(() => 0);
    limits.observe('docker.io', 'free', headers(5));
    limits.observe('docker.io', 'paid', headers(90));
    expect(['free', 'paid', undefined].map((login) => limits.isScarce('docker.io', login))).toEqual([true, false, false]);
    expect(limits.scarcest('docker.io')?.remaining).toBe(5);
  });
});

test('a token is fetched once for all its users, again after four fifths of its life, and once more if it is refused', async () => {
  let time = 1_000_000;
  let fetched = 0;
  const tokens = createTokens(() => time);
  const fetch = (seconds: number) => () =>
    Promise.resolve(parseToken(Buffer.from(JSON.stringify({ token: `t${++fetched}`, expires_in: seconds })), time));
  const get = (key: string) => tokens.get(key, fetch(key === 'short' ? 60 : 300));
  expect(new Set(await Promise.all(Array.from({ length: 1000 }, () => get('long'))))).toEqual(new Set(['t1']));
  expect(await get('short')).toBe('t2');
  time += 48_001;
  expect([await get('short'), await get('long'), tokens.cached('long')]).toEqual(['t3', 't1', 't1']);
  time = 1_000_000 + 240_001;
  expect([tokens.cached('long'), await get('long')]).toEqual([undefined, 't4']);
  tokens.forget('long', 't1');
  expect(await get('long')).toBe('t4');
  tokens.forget('long', 't4');
  expect(await get('long')).toBe('t5');
  const refused = () => Promise.reject(new UpstreamError('denied', 'no'));
  await expect(tokens.get('other', refused)).rejects.toMatchObject({ code: 'denied' });
  expect(await get('other')).toBe('t6');
});

test('three failures open the circuit, one trial closes it', async () => {
  let time = 0;
  const breaker = createBreaker({ now: () => time, random: () => 0 });
  const fail = () => breaker.guard(() => Promise.reject(new UpstreamError('unreachable', 'no'))).catch((error: unknown) => error);
  for (let failure = 0; failure < 3; failure++) await fail();
  let asked = 0;
  const ask = () => breaker.guard(() => Promise.resolve(++asked));
  await expect(ask()).rejects.toMatchObject({ code: 'unreachable' });
  expect([asked, breaker.isOpen]).toEqual([0, true]);
  time += 1000;
  const answer = gate();
  const trial = breaker.guard(() => answer.opened);
  await expect(ask()).rejects.toMatchObject({ code: 'unreachable' });
  answer.open();
  await trial;
  expect(await ask()).toBe(1);
});
test('the proxy is taken from the variables that other programs read', () => {
  const environment = { HTTPS_PROXY: 'http://proxy.example:3128', no_proxy: 'localhost' };
  expect(loadConfig({ environment }).mirror.proxy).toEqual({
    http: undefined,
    https: 'http://proxy.example:3128',
    none: 'localhost',
  });
});

test.each([
  ['Bearer realm="https://a/t",service="s",scope="x"', 'https://a/t'],
  ['Basic realm="x", Bearer realm="https://a/t",service="s"', 'https://a/t'],
])('the challenge %s leads to %s', (header, realm) => {
  const challenge = parseChallenge(header);
  expect(challenge?.scheme === 'bearer' && challenge.realm.href).toBe(realm);
});
