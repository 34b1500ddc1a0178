import { Worker } from 'node:worker_threads';

/**
 * True if the first of `hashes` is one of `password`. Computes all of them, on its own thread: bcrypt in JavaScript would block
 * the event loop for about 0.1 s.
 */
export function compareBcrypt(password: string, hashes: readonly string[]): Promise<boolean> {
  const worker = new Worker(new URL('./bcrypt-worker.ts', import.meta.url), { workerData: { password, hashes } });
  return new Promise((resolve, reject) => {
    worker.once('message', (matches: unknown) => resolve(matches === true));
    worker.once('error', reject);
    worker.once('exit', () => reject(new Error('the bcrypt thread ended without an answer')));
  });
}

/**
 * Returns the hashes to compute for one login, the account's own (`stored`) first if it has one: always 2^`cost` rounds in all.
 * Empty if no account has a bcrypt hash (`cost` undefined).
 */
export function bcryptWork(stored: string | undefined, cost: number | undefined): readonly string[] {
  if (stored === undefined) return cost === undefined ? [] : [unmatchedHash(cost)];
  const own = Number(stored.slice(4, 6));
  const missing = Math.max(0, (cost ?? own) - own);
  return [stored, ...Array.from({ length: missing }, (_, step) => unmatchedHash(own + step))];
}

/** Returns a hash of 2^`cost` rounds that matches no password. */
function unmatchedHash(cost: number): string {
  return `$2b$${String(cost).padStart(2, '0')}$${'.'.repeat(53)}`;
}
