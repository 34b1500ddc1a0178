import { Gauge, type Registry } from './prometheus/client.ts';
import { counterOf } from './prometheus/registration.ts';

/** Metrics of garbage collection. */
export interface CollectionMetrics {
  purged(sizeBytes: number): void;
  purgeFailed(): void;
  missed(reviews: number): void;
  /** Registers a gauge that calls `count` at each scrape. It has no value while `count` rejects. */
  watchOverdue(count: () => Promise<number>): void;
}

export function createCollectionMetrics(registry: Registry): CollectionMetrics {
  const counter = counterOf(registry);
  const purgedBlobs = counter('purged_blobs_total', 'blobs and manifests that garbage collection has deleted');
  const purgedBytes = counter('purged_bytes_total', 'bytes that garbage collection has deleted');
  const failures = counter('purge_failures_total', 'deletions of bytes by garbage collection that failed');
  const missed = counter('reviews_missed_total', 'unneeded content that only the audit has found');
  return {
    purged(sizeBytes) {
      purgedBlobs.inc();
      purgedBytes.inc(sizeBytes);
    },
    purgeFailed: () => failures.inc(),
    missed: (reviews) => missed.inc(reviews),
    watchOverdue(count) {
      new Gauge({
        name: 'berth_reviews_overdue',
        help: 'reviews of garbage collection that have been due for more than ten minutes; counted up to 10,000',
        registers: [registry],
        async collect() {
          this.reset();
          const overdue = await count().catch(() => undefined);
          if (overdue !== undefined) this.set(overdue);
        },
      });
    },
  };
}
