import { setTimeout as delay } from 'node:timers/promises';

/** Pauses between tries, in the same unit. */
export interface BackOff {
  readonly first: number;
  readonly longest: number;
}

/** Returns the pause after `failures` in a row: the first one, doubled after each further failure, up to the longest. */
export function pauseAfter(failures: number, { first, longest }: BackOff): number {
  return Math.min(first * 2 ** Math.max(0, failures - 1), longest);
}

/** Returns a random part of the pause, at least its half, so that processes that failed together try again apart. */
export function spread(pause: number): number {
  return pause * (0.5 + Math.random() / 2);
}

export interface RetryOptions {
  /** True for errors after which another try can succeed. */
  readonly isRetryable: (error: unknown) => boolean;
  /** Milliseconds. */
  readonly pauses: BackOff;
  /** Time from the first try until the beginning of the last one. Default: no limit. */
  readonly maxMilliseconds?: number;
  /** Default: no limit. */
  readonly maxTries?: number;
  /** Milliseconds of a clock that is never set. Default: `performance.now`. */
  readonly monotonic?: () => number;
  readonly sleep?: (milliseconds: number) => Promise<unknown>;
}

/** Runs `attempt` until it succeeds. Rejects with its last error when that is not retryable, or when a limit is reached. */
export async function retry<Result>(attempt: () => Promise<Result>, options: RetryOptions): Promise<Result> {
  const { isRetryable, pauses, maxMilliseconds = Infinity, maxTries = Infinity } = options;
  const { monotonic = () => performance.now(), sleep = delay } = options;
  const deadline = monotonic() + maxMilliseconds;
  for (let tries = 1; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      const pause = pauseAfter(tries, pauses);
      if (!isRetryable(error) || tries >= maxTries || monotonic() + pause > deadline) throw error;
      await sleep(spread(pause));
    }
  }
}
