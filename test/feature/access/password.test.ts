import { hashSync } from 'bcryptjs';
import { describe, expect, test } from '@jest/globals';
import { bcryptWork } from '../../../src/access/credentials/bcrypt.ts';
import { checkPassword, hashPassword } from '../../../src/access/credentials/password.ts';
import { startGuarded } from '../../support/access.ts';

const cheap = hashSync('wonderland', 4);
const expensive = hashSync('wonderland', 6);

const rounds = (hashes: readonly string[]) => hashes.reduce((sum, hash) => sum + 2 ** Number(hash.slice(4, 6)), 0);

describe('a login does the same bcrypt work', () => {
  test.each([
    ['for a cheap hash', cheap],
    ['for an expensive hash', expensive],
    ['for an account without a bcrypt hash, or no account', undefined],
  ])('%s', (_what, stored) => {
    expect(rounds(bcryptWork(stored, 6))).toBe(2 ** 6);
  });

  test('and does none if no account has a bcrypt hash', () => {
    expect(bcryptWork(undefined, undefined)).toEqual([]);
  });
});

test.each([
  ['bcrypt', cheap],
  ['the most expensive bcrypt', expensive],
])('a password stored as %s matches itself and no other', async (_what, stored) => {
  expect(await checkPassword('wonderland', stored, 6)).toEqual({ matches: true, outdated: true });
  expect((await checkPassword('looking glass', stored, 6)).matches).toBe(false);
});

test('a password stored as scrypt matches itself and no other while accounts with bcrypt exist', async () => {
  const stored = await hashPassword('wonderland');
  expect(await checkPassword('wonderland', stored, 5)).toEqual({ matches: true, outdated: false });
  expect((await checkPassword('looking glass', stored, 5)).matches).toBe(false);
});

test('the store knows the cost of its most expensive htpasswd password', async () => {
  const berth = await startGuarded();
  try {
    expect(await berth.metadata.accounts.largestBcryptCost()).toBeUndefined();
    await berth.administration.importHtpasswd(`one:${cheap}\ntwo:${expensive}\n`);
    expect(await berth.metadata.accounts.largestBcryptCost()).toBe(6);
  } finally {
    await berth.close();
  }
});
