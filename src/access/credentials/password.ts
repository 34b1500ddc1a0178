import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { bcryptWork, compareBcrypt } from './bcrypt.ts';
import { createSemaphore } from '../../coordination/semaphore.ts';

/** 32 MiB and three passes for each guess (OWASP, "Password Storage"): about 0.2 s of one core. */
const cost: Cost = { N: 2 ** 15, r: 8, p: 3 };
const hashBytes = 32;
/** Longer ones are refused: nobody has them, and every guess would cost their length. */
const maxPasswordBytes = 1024;
/** Code points: an emoji is one of them. */
const atLeastEightCharacters = /^.{8}/su;

/** The thread pool also reads and writes blobs: two of its four threads may work on passwords. */
const scryptSemaphore = createSemaphore({ maxAtOnce: 2, maxWaiting: 100 });
/** Each comparison is a thread. */
const bcryptSemaphore = createSemaphore({ maxAtOnce: 2, maxWaiting: 100 });

/** True if a login may try this password: accounts of older versions may have short ones. */
export function isPassword(text: string): boolean {
  return text !== '' && Buffer.byteLength(text) <= maxPasswordBytes;
}

/** True if an account may get this password. */
export function isNewPassword(text: string): boolean {
  return atLeastEightCharacters.test(text) && isPassword(text);
}

/** `scrypt$N$r$p$salt$hash`: the parameters lie beside the hash, so that they can be raised later. Runs on the thread pool. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  return format(salt, await derive(password, salt, cost));
}

function format(salt: Buffer, hash: Buffer): string {
  return ['scrypt', cost.N, cost.r, cost.p, salt.toString('base64'), hash.toString('base64')].join('$');
}

export interface PasswordCheck {
  readonly matches: boolean;
  /** The stored form is older or weaker than what `hashPassword` makes. */
  readonly outdated: boolean;
}

/**
 * Compares a password with its stored form: ours, or bcrypt (from an htpasswd file). `bcryptCost` is the cost of the most
 * expensive bcrypt hash of all accounts, undefined where there is none. Every check does the same work, scrypt and 2^`bcryptCost`
 * rounds of bcrypt, so that the time does not tell which form the account's password has, nor whether there is an account.
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

/** What an unknown account's password is compared with, so that the answer takes as long as for a known one. */
export const dummyHash = format(randomBytes(16), randomBytes(hashBytes));

export function isBcrypt(stored: string): boolean {
  return /^\$2[aby]\$(?:0[4-9]|1[0-6])\$[./A-Za-z0-9]{53}$/.test(stored);
}

/** A password for a person to copy. */
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
