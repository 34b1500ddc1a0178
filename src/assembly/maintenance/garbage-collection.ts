import type { Config } from '../../../config/schema.ts';
import type { BlobDriver } from '../../../storage/blobs/driver.ts';
import { type MetadataStore, MetadataError } from '../../../storage/metadata/store.ts';
import type { Trash } from '../../content/trash.ts';
import { type Auditor, createAuditor } from '../../maintenance/collect/audit.ts';
import { type Collector, type CollectorEvents, createCollector } from '../../maintenance/collect/collector.ts';
import {
  type CollectionOverview,
  createCollectionOverview,
  maxCounted,
  overdueMilliseconds,
} from '../../maintenance/collect/overview.ts';
import type { Metrics } from '../../observability/metrics.ts';
import type { Log } from '../../observability/log.ts';

/** The work of garbage collection in a server. */
export interface GarbageCollection {
  /** For admins. */
  readonly overview: CollectionOverview;
  /** One run of the job: deletes what is due, then audits some rows. Ends early at shutdown. */
  run(): Promise<void>;
  /** Resolves when a run in progress has ended. */
  close(): Promise<void>;
}

/** The services of garbage collection over two stores. */
export interface CollectionServices {
  readonly collector: Collector;
  readonly auditor: Auditor;
  readonly overview: CollectionOverview;
}

export interface CollectionParts {
  readonly driver: BlobDriver;
  readonly metadata: MetadataStore;
  readonly trash: Pick<Trash, 'deleteIf'>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly events: CollectorEvents;
}

/** Creates the services, also for commands beside a running server. */
export function createCollectionServices(config: Config, parts: CollectionParts): CollectionServices {
  const collector = createCollector({
    ...parts,
    maxPerSecond: config.garbageCollection.rate,
    trashWindowMs: config.trash.window * 1000,
  });
  const auditor = createAuditor(parts);
  return { collector, auditor, overview: createCollectionOverview({ ...parts, collector, auditor }) };
}

export interface GarbageCollectionParts extends Omit<CollectionParts, 'events'> {
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'collection' | 'trash'>;
  /** Aborted when the process shuts down. */
  readonly closing: AbortSignal;
}

/** Sets the delays of the configuration for all processes, and makes the job of garbage collection. */
export async function openGarbageCollection(config: Config, parts: GarbageCollectionParts): Promise<GarbageCollection> {
  const { metadata, now, log, closing } = parts;
  const metrics = parts.metrics.collection;
  const { grace, untagged } = config.garbageCollection;
  await configure(metadata, 2 * grace * 1000, untagged === undefined ? null : untagged * 1000);
  metrics.watchOverdue(() => metadata.reviews.countDue(now() - overdueMilliseconds, maxCounted));
  const services = createCollectionServices(config, { ...parts, events: reportCollection(log, parts.metrics) });
  const { collector, auditor, overview } = services;
  let running = Promise.resolve();

  async function run(): Promise<void> {
    const { purgedBlobs, purgedBytes } = await collector.run(closing);
    if (purgedBlobs > 0) log.info({ purgedBlobs, purgedBytes }, 'garbage collection has deleted content that nothing needs');
    const { missed } = await auditor.proceed(closing);
    metrics.missed(missed);
    if (missed > 0) log.warn({ missed }, 'the audit of garbage collection has found content that no review was written for');
  }

  return {
    overview,
    run() {
      const ended = run();
      running = ended.catch(() => undefined);
      return ended;
    },
    close: () => running,
  };
}

function reportCollection(log: Log, { collection, trash }: GarbageCollectionParts['metrics']): CollectorEvents {
  return {
    purged: collection.purged,
    trashed: (manifests) => trash.moved('deleted', manifests),
    failed(digest, error, isSetAside) {
      collection.purgeFailed();
      const message = isSetAside
        ? 'garbage collection could not delete a blob ten times and leaves it'
        : 'garbage collection could not delete a blob and tries again later';
      log.error({ digest, err: error }, message);
    },
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
