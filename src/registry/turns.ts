import { setTimeout as pause } from 'node:timers/promises';
import { MetadataError } from '../../storage/metadata/store.ts';
import { type Lease, type Leases, leaseMilliseconds } from './leases.ts';

/** Lets requests to the same thing work one after the other. */
export interface Turns {
  /** Runs `work` when no other work of this process runs on `name`; in the order of the calls. */
  here<Result>(name: string, work: () => Promise<Result>): Promise<Result>;
  /**
   * Runs `work` when no other work of any process runs on `name`. Rejects `TurnNotGiven` when another process is at it
   * for longer than it would be believed to be if it had died.
   */
  everywhere<Result>(name: string, work: (lease: Lease | undefined) => Promise<Result>): Promise<Result>;
  /** Work runs on `name` in this process, or waits. */
  isTaken(name: string): boolean;
}

export class TurnNotGiven extends MetadataError {
  constructor(name: string) {
    super('unavailable', `another process is at ${name}`);
  }
}

/** A little more than a dead process's lease lasts. */
const patienceMilliseconds = leaseMilliseconds + 5_000;
const longestPauseMilliseconds = 250;

/** Without `leases` this process is the only one. */
export function createTurns(leases: Leases | undefined): Turns {
  const queues = new Map<string, Promise<unknown>>();

  async function here<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
    const mine = (queues.get(name) ?? Promise.resolve()).then(work);
    const settled = mine.catch(() => undefined);
    queues.set(name, settled);
    try {
      return await mine;
    } finally {
      if (queues.get(name) === settled) queues.delete(name);
    }
  }

  async function waitForLease(all: Leases, name: string): Promise<Lease> {
    const deadline = performance.now() + patienceMilliseconds;
    for (let longest = 10; performance.now() < deadline; longest = Math.min(2 * longest, longestPauseMilliseconds)) {
      const lease = await all.take(name);
      if (lease) return lease;
      await pause(longest * (0.5 + Math.random() / 2));
    }
    throw new TurnNotGiven(name);
  }

  return {
    here,
    everywhere: (name, work) =>
      here(name, async () => {
        const lease = leases && (await waitForLease(leases, name));
        try {
          return await work(lease);
        } finally {
          await lease?.release();
        }
      }),
    isTaken: (name) => queues.has(name),
  };
}
