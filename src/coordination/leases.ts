import { randomUUID } from 'node:crypto';
import { MetadataError, type MetadataStore } from '../../storage/metadata/store.ts';

/**
 * Work that only one of several processes may do at a time. A lease is renewed while its holder lives; that of a holder
 * that died or was cut off from the metadata store is over after a moment, and another may take it. Clocks of replicas
 * must agree within some seconds.
 */
export interface Leases {
  /** The lease, or undefined where someone else has it. Also within one process each lease has one holder. */
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

  function contend(name: string, options: LeaseOptions = {}): LeaseContender {
    const { milliseconds = leaseMilliseconds } = options;
    /** The end that the holder wrote last, and when this process first saw it. */
    let seen: { readonly end: number; readonly since: number } | undefined;

    async function look(): Promise<void> {
      const end = (await metadata.leases.findState(name))?.heldUntil;
      if (end !== seen?.end) seen = end === undefined ? undefined : { end, since: monotonic() };
    }

    const isAbandoned = () => seen !== undefined && monotonic() - seen.since > milliseconds;

    return {
      async take() {
        const lease = await takeOnce(name, options, isAbandoned() ? seen?.end : undefined);
        if (!lease) await look();
        return lease;
      },
      async isHeld() {
        await look();
        return seen !== undefined && seen.end > now() && !isAbandoned();
      },
      request: () => metadata.leases.request(name),
    };
  }

  return { take: (name, options = {}) => takeOnce(name, options), contend };
}
