import { type AccessMetrics, createAccessMetrics } from './access-metrics.ts';
import { type ArchiveMetrics, createArchiveMetrics } from './archives/archive-metrics.ts';
import { Registry } from './prometheus/client.ts';
import { type BackupMetrics, createBackupMetrics } from './backup-metrics.ts';
import { type CollectionMetrics, createCollectionMetrics } from './collection-metrics.ts';
import { type EventMetrics, createEventMetrics } from './events/event-metrics.ts';
import { type WebhookMetrics, createWebhookMetrics } from './events/webhook-metrics.ts';
import { type IndexMetrics, createIndexMetrics } from './index-metrics.ts';
import { type JobMetrics, createJobMetrics } from './job-metrics.ts';
import { type LimitMetrics, createLimitMetrics } from './limits/limit-metrics.ts';
import { type MirrorMetrics, type MirrorState, createMirrorMetrics, watchMirror } from './mirror-metrics.ts';
import { type QuotaMetrics, createQuotaMetrics } from './quota-metrics.ts';
import { type RetentionMetrics, createRetentionMetrics } from './retention-metrics.ts';
import { type RecordRequest, createRequestMetrics } from './requests/request-metrics.ts';
import { type StorageSources, watchStorage } from './storage-metrics.ts';
import { type StoreMetrics, createStoreMetrics } from './stores/store-metrics.ts';
import { type SyncMetrics, createSyncMetrics } from './sync-metrics.ts';
import { type TrashMetrics, createTrashMetrics } from './trash-metrics.ts';
import { type VerificationMetrics, createVerificationMetrics } from './verification-metrics.ts';

/** Metrics of this process for Prometheus. No label names a repository or an account. */
export interface Metrics {
  readonly contentType: string;
  /** Returns all metrics in Prometheus's text format. */
  text(): Promise<string>;
  readonly request: RecordRequest;
  readonly access: AccessMetrics;
  readonly stores: StoreMetrics;
  readonly mirror: MirrorMetrics;
  readonly jobs: JobMetrics;
  readonly retention: RetentionMetrics;
  readonly events: EventMetrics;
  readonly trash: TrashMetrics;
  readonly collection: CollectionMetrics;
  readonly backup: BackupMetrics;
  readonly verification: VerificationMetrics;
  readonly sync: SyncMetrics;
  readonly quotas: QuotaMetrics;
  readonly indexes: IndexMetrics;
  readonly archives: ArchiveMetrics;
  readonly limits: LimitMetrics;
  readonly webhooks: WebhookMetrics;
  /** Registers gauges that call `state` at each scrape. */
  watchMirror(state: () => MirrorState): void;
  /** Registers gauges of what the stores hold, and of the disk. */
  watchStorage(sources: StorageSources): void;
}

/** `worker` becomes a label of every metric, where several processes are scraped as one. */
export function createMetrics(worker?: number): Metrics {
  const registry = new Registry();
  if (worker !== undefined) registry.setDefaultLabels({ worker });
  let withProcess: Promise<void> | undefined;
  return {
    contentType: registry.contentType,
    async text() {
      await (withProcess ??= addProcessMetrics(registry));
      return registry.metrics();
    },
    request: createRequestMetrics(registry),
    access: createAccessMetrics(registry),
    stores: createStoreMetrics(registry),
    mirror: createMirrorMetrics(registry),
    jobs: createJobMetrics(registry),
    retention: createRetentionMetrics(registry),
    events: createEventMetrics(registry),
    trash: createTrashMetrics(registry),
    collection: createCollectionMetrics(registry),
    backup: createBackupMetrics(registry),
    verification: createVerificationMetrics(registry),
    sync: createSyncMetrics(registry),
    quotas: createQuotaMetrics(registry),
    indexes: createIndexMetrics(registry),
    archives: createArchiveMetrics(registry),
    limits: createLimitMetrics(registry),
    webhooks: createWebhookMetrics(registry),
    watchMirror: (state) => watchMirror(registry, state),
    watchStorage: (sources) => watchStorage(registry, sources),
  };
}

/** Adds memory, CPU, file descriptors and event loop of the process. Loaded at the first scrape, because they take memory. */
async function addProcessMetrics(registry: Registry): Promise<void> {
  const { default: collectDefaultMetrics } = await import('prom-client/lib/defaultMetrics.js');
  collectDefaultMetrics({ register: registry });
}
