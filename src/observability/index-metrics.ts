import type { Registry } from './prometheus/client.ts';
import { counterOf } from './prometheus/registration.ts';

/** Metrics of the indexes of layers and images. */
export interface IndexMetrics {
  built(kind: 'layer' | 'image', milliseconds: number): void;
  /** `reason`: the limit that was exceeded, `format`, or `error` for a failure that may pass. */
  failed(reason: string): void;
}

export function createIndexMetrics(registry: Registry): IndexMetrics {
  const counter = counterOf(registry);
  const builds = counter('indexes_built_total', 'indexes of layers and images that were built', ['kind']);
  const seconds = counter('index_seconds_total', 'time that building indexes took', ['kind']);
  const failures = counter('index_failures_total', 'indexes that could not be built, by the limit that was exceeded', ['reason']);
  return {
    built(kind, milliseconds) {
      builds.inc({ kind });
      seconds.inc({ kind }, milliseconds / 1000);
    },
    failed: (reason) => failures.inc({ reason }),
  };
}
