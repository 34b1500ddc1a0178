import { randomBytes } from 'node:crypto';
import { createSemaphore } from '../../coordination/semaphore.ts';
import { bcryptWork, compareBcrypt } from './bcrypt.ts';
import { type PasswordCheck, checkScrypt, cost, derive, format, hashBytes } from './scrypt.ts';

/** Longer passwords are refused: hashing takes time in proportion to their length. */
const maxPasswordBytes = 1024;
/** Counts code points: an emoji is one. */
const atLeastEightCharacters = /^.{8}/su;

/** Each comparison starts a thread. */
const bcryptSemaphore = createSemaphore({ maxAtOnce: 2, maxWaiting: 100 });

/** True if a login may use this password: accounts of older versions may have short ones. */
export function isPassword(text: string): boolean {
  return text !== '' && Buffer.byteLength(text) <= maxPasswordBytes;
}

/** True if an account may be given this password. */
export function isNewPassword(text: string): boolean {
  return atLeastEightCharacters.test(text) && isPassword(text);
}

/** Returns `scrypt$N$r$p$salt$hash`: stored parameters can be raised later. Runs on the thread pool. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  return format(salt, await derive(password, salt, cost));
}

/**
 * Compares a password with its stored form: ours, or bcrypt (from an htpasswd file). `bcryptCost` is the cost of the most
 * expensive bcrypt hash of all accounts; undefined if there is none. Every check does the same work, scrypt and 2^`bcryptCost`
 * rounds of bcrypt: its time reveals neither the form of the account's password nor whether the account exists.
 */
export async function checkPassword(password: string, stored: string, bcryptCost?: number): Promise<PasswordCheck> {
  if (!isPassword(password)) return { matches: false, outdated: false };
  const bcrypt = isBcrypt(stored) ? stored : undefined;
  const work = bcryptWork(bcrypt, bcryptCost);
  const [byBcrypt, byScrypt] = await Promise.all([
    work.length > 0 && bcryptSemaphore(() => compareBcrypt(password, work)),
    checkScrypt(password, bcrypt === undefined ? stored : dummyHash),
  ]);
  return bcrypt === undefined ? byScrypt : { matches: byBcrypt, outdated: true };
}

/** The hash to which passwords of unknown accounts are compared, so that the response takes as long as for known ones. */
export const dummyHash = format(randomBytes(16), randomBytes(hashBytes));

export function isBcrypt(stored: string): boolean {
  return /^\$2[aby]\$(?:0[4-9]|1[0-6])\$[./A-Za-z0-9]{53}$/.test(stored);
}

/** Returns a random password that a person can copy. */
export function generatePassword(): string {
  return randomBytes(18).toString('base64url');
}
