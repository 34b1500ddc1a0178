import type { Config } from '../../../config/schema.ts';
import type { BlobDriver } from '../../../storage/blobs/driver.ts';
import { type MetadataStore, MetadataError } from '../../../storage/metadata/store.ts';
import type { Mirror } from '../../mirror/mirror.ts';
import { createAuditor } from '../../maintenance/collect/audit.ts';
import { createCollector } from '../../maintenance/collect/collector.ts';
import type { Metrics } from '../../observability/metrics.ts';
import type { Log } from '../../observability/log.ts';

export interface GarbageCollectionParts {
  readonly driver: BlobDriver;
  readonly metadata: MetadataStore;
  readonly mirror: Pick<Mirror, 'trash'>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'collection' | 'trash'>;
  /** Aborted when the process shuts down. */
  readonly closing: AbortSignal;
}

/** The work of garbage collection in a server. */
export interface GarbageCollection {
  /** One run of the job: deletes what is due, then audits some rows. Ends early at shutdown. */
  run(): Promise<void>;
  /** Resolves when a run in progress has ended. */
  close(): Promise<void>;
}

const overdueMilliseconds = 10 * 60_000;
const maxOverdue = 10_000;

/** Sets the delays of the configuration for all processes, and makes the job of garbage collection. */
export async function openGarbageCollection(config: Config, parts: GarbageCollectionParts): Promise<GarbageCollection> {
  const { driver, metadata, mirror, now, log, closing } = parts;
  const metrics = parts.metrics.collection;
  const { grace, untagged, rate } = config.garbageCollection;
  await configure(metadata, 2 * grace * 1000, untagged === undefined ? null : untagged * 1000);
  metrics.watchOverdue(() => metadata.reviews.countDue(now() - overdueMilliseconds, maxOverdue));
  const collector = createCollector({
    driver,
    metadata,
    trash: mirror.trash,
    now,
    maxPerSecond: rate,
    trashWindowMs: config.trash.window * 1000,
    events: {
      purged: metrics.purged,
      trashed: (manifests) => parts.metrics.trash.moved('deleted', manifests),
      failed(digest, error, isSetAside) {
        metrics.purgeFailed();
        const message = isSetAside
          ? 'garbage collection could not delete a blob ten times and leaves it'
          : 'garbage collection could not delete a blob and tries again later';
        log.error({ digest, err: error }, message);
      },
    },
  });
  const auditor = createAuditor({ metadata, now });
  let running = Promise.resolve();

  async function run(): Promise<void> {
    const { purgedBlobs, purgedBytes } = await collector.run(closing);
    if (purgedBlobs > 0) log.info({ purgedBlobs, purgedBytes }, 'garbage collection has deleted content that nothing needs');
    const { missed } = await auditor.proceed(closing);
    metrics.missed(missed);
    if (missed > 0) log.warn({ missed }, 'the audit of garbage collection has found content that no review was written for');
  }

  return {
    run() {
      const ended = run();
      running = ended.catch(() => undefined);
      return ended;
    },
    close: () => running,
  };
}

async function configure(metadata: MetadataStore, delayMs: number, untaggedMs: number | null): Promise<void> {
  const state = await metadata.collectionState.find();
  if (state.delayMs === delayMs && state.untaggedMs === untaggedMs) return;
  try {
    await metadata.collectionState.configure(delayMs, untaggedMs);
  } catch (error) {
    // A read-only database serves pulls.
    if (!(error instanceof MetadataError)) throw error;
  }
}
