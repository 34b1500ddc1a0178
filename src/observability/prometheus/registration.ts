import { Counter, type Registry } from './client.ts';

/** Upper bounds of the buckets of durations, in seconds. */
export const durationBuckets = [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60];

/** Returns a function that registers counters whose names begin with `berth_`. `collect` sets the counter at each scrape. */
export function counterOf(registry: Registry) {
  return <Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[] = [],
    collect?: (this: Counter<Label>) => void,
  ) => new Counter({ name: `berth_${name}`, help, labelNames, registers: [registry], ...(collect && { collect }) });
}
