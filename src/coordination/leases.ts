import { randomUUID } from 'node:crypto';
import { createLru } from './lru.ts';
import { MetadataError, type MetadataStore } from '../../storage/metadata/store.ts';

/**
 * Work that only one of several processes may do at a time. A lease is renewed while its holder lives; that of a holder
 * that died or was cut off from the metadata store is over after a moment, and another may take it. Clocks of replicas
 * must agree within some seconds.
 */
export interface Leases {
  /**
   * The lease, or undefined where someone else has it. Also within one process each lease has one holder. As for a contender, a
   * holder counts as dead when the end that it wrote has not changed for the length of the lease, by this process's own clock.
   */
  take(name: string, options?: LeaseOptions): Promise<Lease | undefined>;
  /** Tries to get a lease that may be held by another process. The store gets no request before the first `take`. */
  contend(name: string, options?: LeaseOptions): LeaseContender;
}

/** One process's attempt to get a lease, over several tries. */
export interface LeaseContender {
  /**
   * The lease, or undefined while another process has it. A holder that has not renewed it for its whole length, by this
   * process's own clock, counts as dead: the end that it wrote may lie far ahead when the clock was set back.
   */
  take(): Promise<Lease | undefined>;
  /** True while another process has the lease. */
  isHeld(): Promise<boolean>;
  /** Lets the holder know that this process waits. */
  request(): Promise<void>;
}

export interface LeaseOptions {
  /** How long its holder is believed without a sign of life. */
  readonly milliseconds?: number;
  /** Called at each renewal; returns a note for the processes that wait for the lease. */
  readonly note?: () => Promise<string | null>;
  /** Called once when another process waits for the lease; a renewal finds out, at the latest after a fourth of its length. */
  readonly onWanted?: () => void;
}

export interface Lease {
  /** Throws `unavailable` from when on another may have it. */
  assertHeld(): void;
  /** Ends the lease at once, or when its time is over if the store cannot be reached. Never rejects. */
  release(): Promise<void>;
  /** Ends the renewing: others can take it when its time is over. */
  leave(): void;
}

/** How long a holder is believed without a sign of life, where its work does not say otherwise. */
export const leaseMilliseconds = 10_000;

interface Asked {
  readonly milliseconds: number;
  readonly note: LeaseOptions['note'];
  readonly onWanted: LeaseOptions['onWanted'];
}

export interface LeasesOptions {
  readonly metadata: MetadataStore;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Milliseconds on a clock that is never set; default: the process's own. */
  readonly monotonic?: () => number;
}

export function createLeases({ metadata, now, monotonic = () => performance.now() }: LeasesOptions): Leases {
  /** Returns until when, on this process's own clock, no other process has the lease: counted from before the request. */
  async function ask(
    name: string,
    holder: string,
    milliseconds: number,
    note?: string | null,
    abandonedEnd?: number,
  ): Promise<number | undefined> {
    const certainUntil = monotonic() + milliseconds;
    const time = now();
    const isTaken = await metadata.leases.take(name, holder, time, time + milliseconds, note, abandonedEnd);
    return isTaken ? certainUntil : undefined;
  }

  function hold(name: string, holder: string, { milliseconds, note, onWanted }: Asked, since: number): Lease {
    let certainUntil = since;
    let renewing = Promise.resolve();
    let notifyWanted = onWanted;
    const renewal = setInterval(() => {
      renewing = renew();
    }, milliseconds / 4).unref();
    const stop = (): void => clearInterval(renewal);

    async function renew(): Promise<void> {
      try {
        certainUntil = (await ask(name, holder, milliseconds, await note?.())) ?? 0;
        if (notifyWanted && (await metadata.leases.findState(name))?.wanted) {
          notifyWanted();
          notifyWanted = undefined;
        }
      } catch {
        // The store is away for a moment: the next turn may come in time.
      }
      if (certainUntil === 0) stop();
    }

    return {
      assertHeld() {
        if (monotonic() > certainUntil) throw new MetadataError('unavailable', `the lease ${name} was lost`);
      },
      async release() {
        stop();
        await renewing;
        await metadata.leases.release(name, holder).catch(() => undefined);
      },
      leave: stop,
    };
  }

  async function takeOnce(name: string, options: LeaseOptions, abandonedEnd?: number): Promise<Lease | undefined> {
    const { milliseconds = leaseMilliseconds, note, onWanted } = options;
    const holder = randomUUID();
    const certainUntil = await ask(name, holder, milliseconds, null, abandonedEnd);
    return certainUntil === undefined ? undefined : hold(name, holder, { milliseconds, note, onWanted }, certainUntil);
  }

  /** Resolves to the end that the holder has written last; `seen` if that is the same. */
  async function look(name: string, seen: SeenEnd | undefined): Promise<SeenEnd | undefined> {
    const end = (await metadata.leases.findState(name))?.heldUntil;
    if (end === seen?.end) return seen;
    return end === undefined ? undefined : { end, since: monotonic() };
  }

  function isAbandoned(seen: SeenEnd | undefined, { milliseconds = leaseMilliseconds }: LeaseOptions): boolean {
    return seen !== undefined && monotonic() - seen.since > milliseconds;
  }

  /** Takes the lease, also of a holder that has not renewed it since `seen` for its whole length. */
  function takeAfter(name: string, options: LeaseOptions, seen: SeenEnd | undefined): Promise<Lease | undefined> {
    return takeOnce(name, options, isAbandoned(seen, options) ? seen?.end : undefined);
  }

  function contend(name: string, options: LeaseOptions = {}): LeaseContender {
    let seen: SeenEnd | undefined;
    return {
      async take() {
        const lease = await takeAfter(name, options, seen);
        if (!lease) seen = await look(name, seen);
        return lease;
      },
      async isHeld() {
        seen = await look(name, seen);
        return seen !== undefined && seen.end > now() && !isAbandoned(seen, options);
      },
      request: () => metadata.leases.request(name),
    };
  }

  const seenByTakers = createLru<SeenEnd>(maxSeen);

  /** Like a contender, so that the work of a schedule goes on after a clock that was far ahead is set back. */
  async function take(name: string, options: LeaseOptions = {}): Promise<Lease | undefined> {
    const lease = await takeAfter(name, options, seenByTakers.get(name));
    const seen = lease ? undefined : await look(name, seenByTakers.get(name));
    if (seen) seenByTakers.set(name, seen);
    else seenByTakers.delete(name);
    return lease;
  }

  return { take, contend };
}

/** The end of another process's lease, and when this process saw it first, on its own clock. */
interface SeenEnd {
  readonly end: number;
  readonly since: number;
}

/** Leases of other processes whose last end is remembered. */
const maxSeen = 1000;
