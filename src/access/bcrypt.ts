import { Worker } from 'node:worker_threads';

/** Compares on a thread of its own: bcrypt in JavaScript would hold up the event loop for a tenth of a second. */
export function compareBcrypt(password: string, stored: string): Promise<boolean> {
  const worker = new Worker(new URL('./bcrypt-worker.ts', import.meta.url), { workerData: { password, stored } });
  return new Promise((resolve, reject) => {
    worker.once('message', (matches: unknown) => resolve(matches === true));
    worker.once('error', reject);
    worker.once('exit', () => reject(new Error('the bcrypt thread ended without an answer')));
  });
}
