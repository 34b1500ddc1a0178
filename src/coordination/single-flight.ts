/** Shares one run of some work among all callers that request it while it runs. */
export interface SingleFlight<Result> {
  /** Joins the run of `key`, or begins one. A failure rejects for all callers of the run; the next call begins anew. */
  run(key: string, work: () => Promise<Result>): Promise<Result>;
  has(key: string): boolean;
}

export function createSingleFlight<Result>(): SingleFlight<Result> {
  const running = new Map<string, Promise<Result>>();
  return {
    run(key, work) {
      const joined = running.get(key);
      if (joined) return joined;
      const begun = work().finally(() => running.delete(key));
      running.set(key, begun);
      return begun;
    },
    has: (key) => running.has(key),
  };
}
