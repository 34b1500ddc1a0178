import { setTimeout as delay } from 'node:timers/promises';

/** Time as a download sees it; tests pass their own. */
export interface Clock {
  /** Milliseconds. */
  now(): number;
  /** Rejects when the signal is aborted. */
  sleep(milliseconds: number, signal: AbortSignal): Promise<unknown>;
}

export const realClock: Clock = {
  now: () => performance.now(),
  sleep: (milliseconds, signal) => delay(milliseconds, undefined, { signal }),
};
