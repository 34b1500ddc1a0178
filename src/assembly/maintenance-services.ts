import type { Config } from '../../config/schema.ts';
import { type SyncOverview, createSyncOverview } from '../maintenance/sync/overview.ts';
import type { Runner } from '../maintenance/sync/runner.ts';
import { type RetentionOverview, createRetentionOverview } from '../maintenance/retention/overview.ts';
import { type UsageCounter, createUsageCounter } from '../maintenance/usage/usage-counter.ts';
import type { Retention } from '../maintenance/retention/retention.ts';
import type { Mirror } from '../mirror/mirror.ts';
import type { Metrics } from '../observability/metrics.ts';
import { type BackupService, type BackupServiceParts, openBackupService } from './backup-service.ts';
import { type GarbageCollection, type GarbageCollectionParts, openGarbageCollection } from './maintenance/garbage-collection.ts';
import type { SyncParts } from './maintenance/sync.ts';
import { readSync } from './maintenance/sync-settings.ts';
import { openRetention, reportRetention } from './maintenance/retention.ts';
import { type Verification, type VerificationParts, openVerification } from './maintenance/verification.ts';

/** The services that keep a registry healthy. */
export interface MaintenanceServices {
  readonly retention: Pick<Retention, 'run'>;
  readonly garbageCollection: GarbageCollection;
  readonly backup: BackupService;
  readonly verification: Verification;
  readonly sync: ScheduledSync;
  /** One run of the job that counts the sizes of repositories. */
  readonly countUsage: () => ReturnType<UsageCounter['run']>;
  /** What the API offers of them. */
  readonly api: {
    readonly retention: RetentionOverview;
    readonly backups: BackupService['backups'];
    readonly collection: GarbageCollection['overview'];
    readonly verification: Verification['overview'];
    readonly sync: SyncOverview;
  };
  /** Resolves when runs in progress have ended: early, because `closing` is aborted. */
  close(): Promise<void>;
}

/** The copies that the configuration demands. */
interface ScheduledSync {
  readonly overview: SyncOverview;
  readonly runner: Pick<Runner, 'beginDue'>;
  readonly peers: VerificationParts['peers'];
  close(): Promise<void>;
}

export type MaintenanceParts = Omit<GarbageCollectionParts, 'trash'> &
  BackupServiceParts &
  Omit<VerificationParts, 'peers'> &
  SyncParts & { readonly metrics: Metrics; readonly mirror: Pick<Mirror, 'trash'> };

export async function openMaintenance(config: Config, parts: MaintenanceParts): Promise<MaintenanceServices> {
  const { driver, metadata, now, log, metrics, closing } = parts;
  const usage = createUsageCounter({ driver, metadata, now });
  const retention = openRetention(config, { driver, metadata, now, events: reportRetention(log, metrics.retention) });
  const backup = await openBackupService(config, parts);
  const garbageCollection = await openGarbageCollection(config, { ...parts, trash: parts.mirror.trash });
  const sync = await openScheduledSync(config, parts);
  const verification = openVerification(config, { ...parts, peers: sync.peers });
  metrics.sync.watchAges(sync.overview.ages);
  return {
    retention,
    backup,
    garbageCollection,
    verification,
    sync,
    countUsage: () => usage.run(closing),
    api: {
      retention: createRetentionOverview(metadata, retention, now),
      backups: backup.backups,
      collection: garbageCollection.overview,
      verification: verification.overview,
      sync: sync.overview,
    },
    async close() {
      await sync.close();
      await garbageCollection.close();
      await backup.close();
      await verification.close();
    },
  };
}

/** Without entries, the modules that copy are not loaded: they take time and memory at each start. */
async function openScheduledSync(config: Config, parts: SyncParts): Promise<ScheduledSync> {
  const { entries } = await readSync(config);
  if (entries.length === 0) {
    const nothing = () => Promise.resolve();
    return {
      overview: createSyncOverview([], parts.metadata, parts.now),
      runner: { beginDue: nothing },
      peers: [],
      close: nothing,
    };
  }
  const { openSync } = await import('./maintenance/sync.ts');
  return openSync(config, parts);
}
