/** Too many wait already: come back later. */
export class Busy extends Error {
  override readonly name = 'Busy';
}

export interface GateOptions {
  readonly mostAtOnce: number;
  readonly mostWaiting: number;
}

/** Lets work through, in the order of the calls and never more than `mostAtOnce`. Throws `Busy` where too many wait. */
export function createGate({ mostAtOnce, mostWaiting }: GateOptions) {
  let running = 0;
  const waiting: (() => void)[] = [];

  return async <Result>(work: () => Promise<Result>): Promise<Result> => {
    if (waiting.length >= mostWaiting) throw new Busy('too many are waiting');
    if (running >= mostAtOnce) await new Promise<void>((resolve) => waiting.push(resolve));
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
