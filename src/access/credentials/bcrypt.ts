import { Worker } from 'node:worker_threads';

/**
 * True if `password` is what the first of `hashes` was made of. Computes all of them, on a thread of its own: bcrypt in
 * JavaScript would hold up the event loop for a tenth of a second.
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
 * The hashes to compute for one login, `stored` first where the account has one: 2^`cost` rounds in all, whatever the account
 * has. None if no account has a bcrypt hash (`cost` undefined).
 */
export function bcryptWork(stored: string | undefined, cost: number | undefined): readonly string[] {
  if (stored === undefined) return cost === undefined ? [] : [unmatchedHash(cost)];
  const own = Number(stored.slice(4, 6));
  const missing = Math.max(0, (cost ?? own) - own);
  return [stored, ...Array.from({ length: missing }, (_, step) => unmatchedHash(own + step))];
}

/** A hash of 2^`cost` rounds that no password matches. */
function unmatchedHash(cost: number): string {
  return `$2b$${String(cost).padStart(2, '0')}$${'.'.repeat(53)}`;
}
