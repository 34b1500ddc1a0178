import { maxClockDifference } from '../../storage/metadata/queries/operation/rate-windows.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import { createLru } from '../coordination/lru.ts';

/** A number of requests within a time. */
export interface Rate {
  readonly count: number;
  readonly seconds: number;
}

/** The state of one limit for one client. */
export interface RateState {
  readonly isAllowed: boolean;
  /** Requests left in the window, as far as this process knows. */
  readonly remaining: number;
  /** Seconds until the window ends, rounded up. */
  readonly resetSeconds: number;
}

/**
 * Counts requests in windows that all processes share. A window begins with a client's first request. A process takes shares of
 * a limit from the metadata store ahead of the requests, so that most requests cost no write. All processes together never admit
 * more than the limit; processes that hold back shares they do not use make it at most 1 % lower each.
 */
export interface RateLimiter {
  /** Counts a request of `name`. If the store cannot be written, every request is allowed and `onFailure` gets the error. */
  take(name: string, rate: Rate): Promise<RateState>;
  /** Returns the state without counting a request. */
  show(name: string, rate: Rate): Promise<RateState>;
  /** Forgets which limits are used up, because the rates have changed. */
  reset(): void;
}

export interface RateLimiterOptions {
  readonly metadata: Pick<MetadataStore, 'rateWindows'>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly onFailure: (error: unknown) => void;
}

/** This process's part of a window. */
interface Window {
  /** Requests that this process may admit without another share. */
  left: number;
  /** What is left of the limit in the store. */
  readonly unshared: number;
  /** Milliseconds since 1970. */
  readonly endsAt: number;
}

/** Requests that wait for a share of one limit. */
interface Demand {
  readonly rate: Rate;
  /** Called when the share is taken. */
  readonly waiting: (() => void)[];
}

/** Clients whose windows are remembered; others take a new share, and lose at most one of theirs. */
const maxWindows = 50_000;
/** Shares that one transaction takes. */
const batchSize = 100;
/** Time without limits after the store could not be written, before the next try. */
const failureMilliseconds = 1_000;

export function createRateLimiter({ metadata, now, onFailure }: RateLimiterOptions): RateLimiter {
  const windows = createLru<Window>(maxWindows);
  let demands = new Map<string, Demand>();
  let isWriting = false;

  function open(name: string, rate: Rate): Window | undefined {
    const window = windows.get(name);
    return window && isCurrent(window.endsAt, rate) ? window : undefined;
  }

  function isCurrent(endsAt: number, { seconds }: Rate): boolean {
    const time = now();
    return endsAt > time && endsAt <= time + seconds * 1000 + maxClockDifference;
  }

  function stateOf({ left, unshared, endsAt }: Readonly<Window>, { count }: Rate, isAllowed: boolean): RateState {
    const resetSeconds = Math.max(1, Math.ceil((endsAt - now()) / 1000));
    return { isAllowed, remaining: Math.min(count, left + unshared), resetSeconds };
  }

  /** Resolves when the requests that waited at its begin have a share, or the limit is used up. Never rejects. */
  function share(name: string, rate: Rate): Promise<void> {
    const demand: Demand = demands.get(name) ?? { rate, waiting: [] };
    demands.set(name, demand);
    const shared = new Promise<void>((resolve) => demand.waiting.push(resolve));
    if (!isWriting) void writeAll();
    return shared;
  }

  /** Takes shares for all demands, one transaction after the other: requests that come meanwhile wait for the next one. */
  async function writeAll(): Promise<void> {
    isWriting = true;
    while (demands.size > 0) {
      // In the order of their names, so that the transactions of several processes cannot wait for each other.
      const batch = [...demands].slice(0, batchSize).sort(([one], [other]) => (one < other ? -1 : 1));
      demands = new Map([...demands].slice(batchSize));
      await write(batch);
      for (const [, { waiting }] of batch) for (const resolve of waiting) resolve();
    }
    isWriting = false;
  }

  async function write(batch: readonly (readonly [string, Demand])[]): Promise<void> {
    const at = now();
    try {
      const requests = batch.map(([name, { rate, waiting }]) => {
        return { name, limit: rate.count, endsAt: at + rate.seconds * 1000, wanted: waiting.length };
      });
      const shares = await metadata.rateWindows.take(requests, at);
      for (const [index, [name, { rate }]] of batch.entries()) {
        const { granted = 0, used = rate.count, endsAt = at } = shares[index] ?? {};
        const left = (open(name, rate)?.left ?? 0) + granted;
        windows.set(name, { left, unshared: Math.max(0, rate.count - used), endsAt });
      }
    } catch (error) {
      onFailure(error);
      for (const [name] of batch) windows.set(name, { left: Infinity, unshared: 0, endsAt: at + failureMilliseconds });
    }
  }

  return {
    async take(name, rate) {
      for (;;) {
        const window = open(name, rate);
        if (window && window.left > 0) {
          window.left--;
          return stateOf(window, rate, true);
        }
        if (window?.unshared === 0) return stateOf(window, rate, false);
        await share(name, rate);
      }
    },

    async show(name, rate) {
      const window = open(name, rate);
      if (window) return stateOf(window, rate, true);
      const stored = await metadata.rateWindows.find(name, now());
      const found = stored && isCurrent(stored.endsAt, rate) ? stored : undefined;
      const endsAt = found?.endsAt ?? now() + rate.seconds * 1000;
      return stateOf({ left: 0, unshared: Math.max(0, rate.count - (found?.used ?? 0)), endsAt }, rate, true);
    },

    reset: () => windows.clear(),
  };
}
