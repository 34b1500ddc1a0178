import { setTimeout as delay } from 'node:timers/promises';

/** A limit of bytes per second for all transfers together that use it. */
export interface Bandwidth {
  /** Counts bytes that were transferred without waiting. */
  count(bytes: number): void;
  /**
   * Counts bytes. Resolves when more may be transferred, in the order of the calls, or once `signal` is aborted: bytes that are
   * not read wait in the socket, and their sender waits with them.
   */
  spend(bytes: number, signal: AbortSignal): Promise<void>;
}

export interface BandwidthOptions {
  readonly bytesPerSecond: number;
  /** Milliseconds. */
  readonly now: () => number;
  /** Resolves after so many milliseconds, or once the signal is aborted. */
  readonly sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>;
}

/** How much of the bandwidth may be made up for that was not used when nothing came. */
const burstMilliseconds = 200;

export function createBandwidth({ bytesPerSecond, now, sleep }: BandwidthOptions): Bandwidth {
  /** The time at which all counted bytes would have been transferred at full bandwidth. */
  let paidAt = -Infinity;

  function count(bytes: number): void {
    paidAt = Math.max(paidAt, now()) + (bytes / bytesPerSecond) * 1000;
  }

  return {
    count,
    async spend(bytes, signal) {
      count(bytes);
      const wait = paidAt - now() - burstMilliseconds;
      if (wait > 0) await sleep(wait, signal);
    },
  };
}

export const unlimited: Bandwidth = { count: () => undefined, spend: () => Promise.resolve() };

async function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  await delay(milliseconds, undefined, { signal }).catch(() => undefined);
}

/** Returns the limit of `bytesPerSecond`; undefined: none. */
export function limitTo(bytesPerSecond: number | undefined): Bandwidth {
  return bytesPerSecond === undefined ? unlimited : createBandwidth({ bytesPerSecond, now: () => performance.now(), sleep });
}
