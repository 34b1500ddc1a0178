/**
 * Runs a call of a store and watches it, for metrics and traces: its duration, and whether it failed. Returns the promise of the
 * call itself, so that the caller waits for nothing else. `operation`: one of a short list of names; `detail`: which one exactly.
 */
export type WatchCall = <Result>(operation: string, call: () => Promise<Result>, detail?: string) => Promise<Result>;
