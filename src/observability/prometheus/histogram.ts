import type { Metric, Registry } from './client.ts';

export interface HistogramOptions {
  readonly name: string;
  readonly help: string;
  /** Upper bounds of the buckets, ascending. */
  readonly bounds: readonly number[];
}

/** Records one observation of a series. */
export type Observe = (value: number) => void;

interface Series {
  readonly labels: Readonly<Record<string, string>>;
  /** Observations in each bucket; the last one is for those above all bounds. */
  readonly counts: number[];
  sum: number;
}

/**
 * Registers a histogram for something that happens with every request: prom-client's `Histogram` formats the labels and the
 * bound of the bucket at each observation, which takes ten times as long. Returns a function that makes the series with these
 * labels; the caller keeps it, and calls the function once for the same labels.
 */
export function createHistogram(
  registry: Registry,
  { name, help, bounds }: HistogramOptions,
): (labels: Readonly<Record<string, string>>) => Observe {
  const all: Series[] = [];

  /** Nothing of a series without observations, such as the bodies of GET requests: that would be most lines of a scrape. */
  function valuesOf({ labels, counts, sum }: Series) {
    if (counts.every((count) => count === 0)) return [];
    let total = 0;
    const buckets = counts.map((count, index) => {
      total += count;
      return { metricName: `${name}_bucket`, labels: { le: bounds[index] ?? '+Inf' }, sharedLabels: labels, value: total };
    });
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels: {}, sharedLabels: labels, value: sum },
      { metricName: `${name}_count`, labels: {}, sharedLabels: labels, value: total },
    ];
  }

  const metric = {
    name,
    help,
    type: 'histogram',
    aggregator: 'sum',
    get: () => Promise.resolve({ name, help, type: 'histogram', aggregator: 'sum', values: all.flatMap(valuesOf) }),
  };
  // A registry calls only `get`; prom-client types its own classes alone as metrics.
  registry.registerMetric(metric as unknown as Metric);

  return (labels) => {
    const series: Series = { labels, counts: Array<number>(bounds.length + 1).fill(0), sum: 0 };
    all.push(series);
    return (value) => {
      let bucket = 0;
      while (bucket < bounds.length && value > (bounds[bucket] ?? 0)) bucket++;
      series.counts[bucket] = (series.counts[bucket] ?? 0) + 1;
      series.sum += value;
    };
  };
}
