import { scrypt, timingSafeEqual } from 'node:crypto';
import { createSemaphore } from '../../coordination/semaphore.ts';

/** 32 MiB and three passes per guess (OWASP, "Password Storage"): about 0.2 s of one core. */
export const cost: Cost = { N: 2 ** 15, r: 8, p: 3 };

/** Length of a hash. */
export const hashBytes = 32;

/** The thread pool also reads and writes blobs: at most two of its four threads hash passwords. */
const scryptSemaphore = createSemaphore({ maxAtOnce: 2, maxWaiting: 100 });

/** Returns a hash as it is stored: with its cost and salt. */
export function format(salt: Buffer, hash: Buffer): string {
  return ['scrypt', cost.N, cost.r, cost.p, salt.toString('base64'), hash.toString('base64')].join('$');
}

/** Compares the password with a stored hash. */
export async function checkScrypt(password: string, stored: string): Promise<PasswordCheck> {
  const [scheme, N, r, p, salt = '', hash = ''] = stored.split('$');
  if (scheme !== 'scrypt') throw new Error('a password is stored in an unknown form');
  const expected = Buffer.from(hash, 'base64');
  const actual = await derive(password, Buffer.from(salt, 'base64'), { N: Number(N), r: Number(r), p: Number(p) });
  const outdated = Number(N) !== cost.N || Number(r) !== cost.r || Number(p) !== cost.p;
  return { matches: timingSafeEqual(expected, actual), outdated };
}

interface Cost {
  readonly N: number;
  readonly r: number;
  readonly p: number;
}

/** Hashes a password on the thread pool. Rejects if too many wait. */
export function derive(password: string, salt: Buffer, { N, r, p }: Cost): Promise<Buffer> {
  const options = { N, r, p, maxmem: 256 * N * r };
  return scryptSemaphore(
    () =>
      new Promise((resolve, reject) => {
        scrypt(password.normalize('NFC'), salt, hashBytes, options, (error, hash) => (error ? reject(error) : resolve(hash)));
      }),
  );
}

/** Result of the comparison of a password with a stored hash. */
export interface PasswordCheck {
  readonly matches: boolean;
  /** True if the stored form is older or weaker than that of `hashPassword`. */
  readonly outdated: boolean;
}
