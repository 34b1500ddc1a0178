import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type GuardedBerth, adminPassword, askToken, basic, startGuarded } from '../../support/access.ts';
import { call } from '../../support/call.ts';

let berth: GuardedBerth;
beforeAll(async () => {
  // A proxy that we believe may say who asks.
  berth = await startGuarded({ BERTH_TRUSTED_PROXIES: '127.0.0.1' });
});
afterAll(() => berth.close());

const login = (secret: string, address: string, path = '/token') =>
  call(berth, 'GET', path, { headers: { ...basic('admin', secret), 'X-Forwarded-For': address } });

test('guesses end in 429 with Retry-After, also for the right password, but not at other addresses or with a token', async () => {
  const { secret } = await berth.administration.createToken({ account: 'admin', name: 'ci' });
  expect((await login(adminPassword, '10.0.0.7')).status).toBe(200);
  for (let count = 0; count < 12; count++) await login('wrong', '10.0.0.1');
  for (const path of ['/token', '/v2/']) {
    const answer = await login(adminPassword, '10.0.0.1', path);
    expect([answer.status, answer.codes()]).toEqual([429, ['TOOMANYREQUESTS']]);
    expect(Number(answer.header('retry-after'))).toBeGreaterThan(0);
  }
  expect((await login(secret, '10.0.0.1')).status).toBe(200);
  expect((await login(adminPassword, '10.0.0.2')).status).toBe(200);
  const bearer = await askToken(berth, basic('admin', secret));
  expect((await call(berth, 'GET', '/v2/', { headers: { Authorization: `Bearer ${bearer}` } })).status).toBe(200);
}, 60_000);

test('concurrent guesses count as much as successive ones', async () => {
  const answers = await Promise.all(Array.from({ length: 30 }, (_, count) => login(`guess ${count}`, '10.0.0.5')));
  const checked = answers.filter(({ status }) => status === 401);
  expect(checked.length).toBeLessThanOrEqual(10);
  expect(answers.filter(({ status }) => status === 429)).toHaveLength(30 - checked.length);
}, 60_000);

test('concurrent requests with the right password are one login', async () => {
  const answers = await Promise.all(Array.from({ length: 50 }, () => login(adminPassword, '10.0.0.6')));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
}, 60_000);

test('an empty password does not count as a guess', async () => {
  for (let count = 0; count < 20; count++) expect((await login('', '10.0.0.8')).status).toBe(401);
  expect((await login(adminPassword, '10.0.0.8')).status).toBe(200);
}, 60_000);
