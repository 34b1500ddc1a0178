/** Too many callers wait already. */
export class ConcurrencyLimitExceeded extends Error {
  override readonly name = 'Busy';
}

export interface SemaphoreOptions {
  readonly maxAtOnce: number;
  readonly maxWaiting: number;
}

/**
 * Returns a function that runs work in the order of the calls, at most `maxAtOnce` at a time. It throws
 * `ConcurrencyLimitExceeded` when `maxWaiting` calls wait already.
 */
export function createSemaphore({ maxAtOnce, maxWaiting }: SemaphoreOptions) {
  let running = 0;
  const waiting: (() => void)[] = [];

  return async <Result>(work: () => Promise<Result>): Promise<Result> => {
    if (waiting.length >= maxWaiting) throw new ConcurrencyLimitExceeded('too many are waiting');
    if (running >= maxAtOnce) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running--;
    }
  };
}
