import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { bcryptWork, compareBcrypt } from './bcrypt.ts';
import { createSemaphore } from '../../coordination/semaphore.ts';

/** 32 MiB and three passes per guess (OWASP, "Password Storage"): about 0.2 s of one core. */
const cost: Cost = { N: 2 ** 15, r: 8, p: 3 };
const hashBytes = 32;
/** Longer passwords are refused: hashing takes time in proportion to their length. */
const maxPasswordBytes = 1024;
/** Counts code points: an emoji is one. */
const atLeastEightCharacters = /^.{8}/su;

/** The thread pool also reads and writes blobs: at most two of its four threads hash passwords. */
const scryptSemaphore = createSemaphore({ maxAtOnce: 2, maxWaiting: 100 });
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

function format(salt: Buffer, hash: Buffer): string {
  return ['scrypt', cost.N, cost.r, cost.p, salt.toString('base64'), hash.toString('base64')].join('$');
}

export interface PasswordCheck {
  readonly matches: boolean;
  /** True if the stored form is older or weaker than that of `hashPassword`. */
  readonly outdated: boolean;
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

async function checkScrypt(password: string, stored: string): Promise<PasswordCheck> {
  const [scheme, N, r, p, salt = '', hash = ''] = stored.split('$');
  if (scheme !== 'scrypt') throw new Error('a password is stored in an unknown form');
  const expected = Buffer.from(hash, 'base64');
  const actual = await derive(password, Buffer.from(salt, 'base64'), { N: Number(N), r: Number(r), p: Number(p) });
  const outdated = Number(N) !== cost.N || Number(r) !== cost.r || Number(p) !== cost.p;
  return { matches: timingSafeEqual(expected, actual), outdated };
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

interface Cost {
  readonly N: number;
  readonly r: number;
  readonly p: number;
}

function derive(password: string, salt: Buffer, { N, r, p }: Cost): Promise<Buffer> {
  const options = { N, r, p, maxmem: 256 * N * r };
  return scryptSemaphore(
    () =>
      new Promise((resolve, reject) => {
        scrypt(password.normalize('NFC'), salt, hashBytes, options, (error, hash) => (error ? reject(error) : resolve(hash)));
      }),
  );
}
