/** Too many wait already: come back later. */
export class ConcurrencyLimitExceeded extends Error {
  override readonly name = 'Busy';
}

export interface SemaphoreOptions {
  readonly maxAtOnce: number;
  readonly maxWaiting: number;
}

/** Lets work through, in the order of the calls and never more than `mostAtOnce`. Throws `Busy` where too many wait. */
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
