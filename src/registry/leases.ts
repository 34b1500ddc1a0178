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
}

export interface LeaseOptions {
  /** How long its holder is believed without a sign of life. */
  readonly milliseconds?: number;
  /** Asked at each renewal: what those who wait for the lease shall know. */
  readonly note?: () => Promise<string | null>;
}

export interface Lease {
  /** Throws `unavailable` from when on another may have it. */
  assertHeld(): void;
  /** Lets others take it at once, or, where the store cannot be told, when its time is over. Never rejects. */
  release(): Promise<void>;
  /** Ends the renewing: others can take it when its time is over. */
  leave(): void;
}

/** How long a holder is believed without a sign of life, where its work does not say otherwise. */
export const leaseMilliseconds = 10_000;

interface Asked {
  readonly milliseconds: number;
  readonly note: LeaseOptions['note'];
}

export interface LeasesOptions {
  readonly metadata: MetadataStore;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export function createLeases({ metadata, now }: LeasesOptions): Leases {
  /** Until when, on this process's own clock, it is certain that nobody else has the lease: counted from before asking. */
  async function ask(name: string, holder: string, milliseconds: number, note?: string | null): Promise<number | undefined> {
    const certainUntil = performance.now() + milliseconds;
    const time = now();
    return (await metadata.takeLease(name, holder, time, time + milliseconds, note)) ? certainUntil : undefined;
  }

  function hold(name: string, holder: string, { milliseconds, note }: Asked, since: number): Lease {
    let certainUntil = since;
    let renewing = Promise.resolve();
    const renewal = setInterval(() => {
      renewing = renew();
    }, milliseconds / 4).unref();
    const stop = (): void => clearInterval(renewal);

    async function renew(): Promise<void> {
      try {
        certainUntil = (await ask(name, holder, milliseconds, await note?.())) ?? 0;
      } catch {
        // The store is away for a moment: the next turn may come in time.
      }
      if (certainUntil === 0) stop();
    }

    return {
      assertHeld() {
        if (performance.now() > certainUntil) throw new MetadataError('unavailable', `the lease ${name} was lost`);
      },
      async release() {
        stop();
        await renewing;
        await metadata.releaseLease(name, holder).catch(() => undefined);
      },
      leave: stop,
    };
  }

  return {
    async take(name, { milliseconds = leaseMilliseconds, note } = {}) {
      const holder = randomUUID();
      const certainUntil = await ask(name, holder, milliseconds);
      return certainUntil === undefined ? undefined : hold(name, holder, { milliseconds, note }, certainUntil);
    },
  };
}
