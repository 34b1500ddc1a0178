import { setTimeout as pause } from 'node:timers/promises';
import { pauseAfter, spread } from '../../storage/back-off.ts';
import { MetadataError } from '../../storage/metadata/store.ts';
import { type Lease, type Leases, leaseMilliseconds } from './leases.ts';

/** Lets requests to the same thing work one after the other. */
export interface KeyedMutex {
  /** Runs `work` when no other work of this process runs on `name`; in the order of the calls. */
  lockLocal<Result>(name: string, work: Work<Result>, options?: TurnOptions): Promise<Result>;
  /**
   * Runs `work` when no other work of any process runs on `name`. Rejects `LockTimeout` when another process holds
   * the lock for longer than the lease of a dead process lasts.
   */
  lock<Result>(name: string, work: Work<Result>, options?: TurnOptions): Promise<Result>;
  /** Resolves when no work of any process runs on `name`, at the latest after `milliseconds`. */
  untilIdle(name: string, milliseconds: number): Promise<void>;
  /** True if work on `name` runs or waits in this process. */
  isLocked(name: string): boolean;
}

type Work<Result> = (turn: Turn) => Promise<Result>;

export interface TurnOptions {
  /** Aborted when the work is not wanted any more: then its turn is skipped, and the call rejects with the reason. */
  readonly signal?: AbortSignal | undefined;
}

export interface Turn {
  readonly lease: Lease | undefined;
  /** Aborted when another call waits for the lock. */
  readonly wanted: AbortSignal;
  /** True if other work had its turn first. */
  readonly hasWaited: boolean;
}

export class LockTimeout extends MetadataError {
  constructor(name: string) {
    super('unavailable', `another process is at ${name}`);
  }
}

/** A little more than a dead process's lease lasts. */
const maxWaitMilliseconds = leaseMilliseconds + 5_000;
/** Milliseconds between two tries to take a lease. */
const pauses = { first: 10, longest: 250 };

/** The last call for a name. */
interface Latest {
  readonly settled: Promise<unknown>;
  readonly wanted: AbortController;
}

interface Waited {
  readonly lease: Lease;
  readonly hasWaited: boolean;
}

/** Without `leases` this process is the only one. */
export function createKeyedMutex(leases: Leases | undefined): KeyedMutex {
  const queues = new Map<string, Latest>();

  async function inOrder<Result>(name: string, work: Work<Result>, signal?: AbortSignal): Promise<Result> {
    const previous = queues.get(name);
    previous?.wanted.abort();
    const wanted = new AbortController();
    const mine = (previous?.settled ?? Promise.resolve()).then(() => {
      signal?.throwIfAborted();
      return work({ lease: undefined, wanted: wanted.signal, hasWaited: previous !== undefined });
    });
    const latest = { settled: mine.catch(() => undefined), wanted };
    queues.set(name, latest);
    try {
      return await mine;
    } finally {
      if (queues.get(name) === latest) queues.delete(name);
    }
  }

  async function waitForLease(all: Leases, name: string, onWanted: () => void, signal?: AbortSignal): Promise<Waited> {
    const contender = all.contend(name, { onWanted });
    const deadline = performance.now() + maxWaitMilliseconds;
    for (let tries = 1; performance.now() < deadline; tries++) {
      signal?.throwIfAborted();
      const lease = await contender.take();
      if (lease) return { lease, hasWaited: tries > 1 };
      if (tries === 1) await contender.request();
      await pause(spread(pauseAfter(tries, pauses)));
    }
    throw new LockTimeout(name);
  }

  async function untilReleased(all: Leases, name: string, deadline: number): Promise<void> {
    const contender = all.contend(name);
    for (let tries = 1; performance.now() < deadline && (await contender.isHeld()); tries++)
      await pause(spread(pauseAfter(tries, pauses)));
  }

  return {
    lockLocal: (name, work, { signal } = {}) => inOrder(name, work, signal),

    lock: (name, work, { signal } = {}) =>
      inOrder(
        name,
        async (turn) => {
          if (!leases) return work(turn);
          const wantedElsewhere = new AbortController();
          const { lease, hasWaited } = await waitForLease(leases, name, () => wantedElsewhere.abort(), signal);
          const wanted = AbortSignal.any([turn.wanted, wantedElsewhere.signal]);
          try {
            signal?.throwIfAborted();
            return await work({ lease, wanted, hasWaited: turn.hasWaited || hasWaited });
          } finally {
            await lease.release();
          }
        },
        signal,
      ),

    async untilIdle(name, milliseconds) {
      const deadline = performance.now() + milliseconds;
      const latest = queues.get(name);
      if (latest) await Promise.race([latest.settled, pause(milliseconds, undefined, { ref: false })]);
      if (leases) await untilReleased(leases, name, deadline);
    },

    isLocked: (name) => queues.has(name),
  };
}
