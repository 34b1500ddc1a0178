import type { Metric, Registry } from './prometheus/client.ts';

export interface DurationHistogramOptions {
  readonly name: string;
  readonly help: string;
  /** Name of its label. */
  readonly label: string;
  /** Upper bounds of the buckets, in seconds, ascending. */
  readonly bounds: readonly number[];
}

interface Series {
  /** Durations in each bucket; the last one is for those above all bounds. */
  readonly counts: number[];
  sum: number;
}

/**
 * Registers a histogram with one label for something that happens with every request: prom-client's `Histogram` formats the
 * labels and the bound of the bucket at each observation, which takes ten times as long. Returns a function that records a
 * duration.
 */
export function createDurationHistogram(
  registry: Registry,
  { name, help, label, bounds }: DurationHistogramOptions,
): (labelValue: string, seconds: number) => void {
  const byLabel = new Map<string, Series>();

  function valuesOf([labelValue, { counts, sum }]: readonly [string, Series]) {
    const sharedLabels = { [label]: labelValue };
    let total = 0;
    const buckets = counts.map((count, index) => {
      total += count;
      return { metricName: `${name}_bucket`, labels: { le: bounds[index] ?? '+Inf' }, sharedLabels, value: total };
    });
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels: {}, sharedLabels, value: sum },
      { metricName: `${name}_count`, labels: {}, sharedLabels, value: total },
    ];
  }

  const metric = {
    name,
    help,
    type: 'histogram',
    aggregator: 'sum',
    get: () => Promise.resolve({ name, help, type: 'histogram', aggregator: 'sum', values: [...byLabel].flatMap(valuesOf) }),
  };
  // A registry calls only `get`; prom-client types its own classes alone as metrics.
  registry.registerMetric(metric as unknown as Metric);

  return (labelValue, seconds) => {
    let series = byLabel.get(labelValue);
    if (!series) byLabel.set(labelValue, (series = { counts: Array<number>(bounds.length + 1).fill(0), sum: 0 }));
    let bucket = 0;
    while (bucket < bounds.length && seconds > (bounds[bucket] ?? 0)) bucket++;
    series.counts[bucket] = (series.counts[bucket] ?? 0) + 1;
    series.sum += seconds;
  };
}
