import type { Config } from '../config/schema.ts';
import type { MetadataStore } from '../storage/metadata/store.ts';
import type { BackupService } from './assembly/backup-service.ts';
import type { ImageContents } from './assembly/images/image-contents.ts';
import type { GarbageCollection } from './assembly/maintenance/garbage-collection.ts';
import type { Verification } from './assembly/maintenance/verification.ts';
import type { Quotas } from './assembly/maintenance/quotas.ts';
import type { Guard } from './assembly/guard.ts';
import { interval, onOneReplica } from './coordination/interval.ts';
import type { Leases } from './coordination/leases.ts';
import type { Consumers } from './events/consumers.ts';
import type { Certificate } from './http/server/certificate.ts';
import type { MaintenanceMode } from './maintenance/mode/maintenance-mode.ts';
import type { Mirror } from './mirror/mirror.ts';
import type { Runner } from './maintenance/sync/runner.ts';
import type { Retention } from './maintenance/retention/retention.ts';
import type { Webhooks } from './webhooks/webhooks.ts';
import type { JobMetrics } from './observability/job-metrics.ts';
import type { Log } from './observability/log.ts';
import type { JobRecords } from './job-records.ts';
import type { Registry } from './registry/registry.ts';
import type { Tracer } from './telemetry/tracer.ts';

/** Work that berth does again and again. */
export interface Job {
  /** Names the job in metrics, in log lines and in the lease of its scope. */
  readonly name: string;
  /** Seconds from the end of a run to the next one. */
  readonly every: number;
  /** Runs in each process, or in one process of all that share the stores. */
  readonly scope: 'process' | 'cluster';
  run(): Promise<void>;
}

export interface JobParts {
  readonly registry: Pick<Registry, 'uploads' | 'pulls' | 'trash'>;
  readonly mirror: Pick<Mirror, 'tidy' | 'tidyStores' | 'emptyTrash'>;
  readonly metadata: Pick<
    MetadataStore,
    'archives' | 'claims' | 'collectionState' | 'events' | 'jobs' | 'leases' | 'rateWindows'
  >;
  readonly consumers: Pick<Consumers, 'deliver'>;
  readonly webhooks: Pick<Webhooks, 'run' | 'tidy'> | undefined;
  readonly retention: Pick<Retention, 'run'>;
  /** Begins runs and does not wait for them. A lease of each entry keeps other processes away. */
  readonly sync: { readonly runner: Pick<Runner, 'beginDue'> };
  readonly garbageCollection: Pick<GarbageCollection, 'run'>;
  readonly backup: Pick<BackupService, 'run'>;
  readonly verification: Pick<Verification, 'run' | 'checkSuspects'>;
  readonly quotas: Pick<Quotas, 'count' | 'yieldToDisk'>;
  readonly imageContents: Pick<ImageContents, 'sweep' | 'describe'>;
  /** In maintenance mode no job changes content that clients have pushed. */
  readonly mode: Pick<MaintenanceMode, 'find'>;
  readonly countUsage: () => Promise<void>;
  readonly traffic: { flush(): Promise<void> };
  readonly guard: Pick<Guard, 'tidy'> | undefined;
  readonly certificate: Certificate | undefined;
  readonly log: Log;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Returns the scheduled jobs of a server. The refresh of listed images has a schedule of its own: `pinned-images.ts`. */
export function listJobs({ uploads, access }: Pick<Config, 'uploads' | 'access'>, parts: JobParts): readonly Job[] {
  const {
    registry,
    mirror,
    sync,
    metadata,
    consumers,
    retention,
    garbageCollection,
    backup,
    verification,
    quotas,
    guard,
    certificate,
  } = parts;
  const { imageContents, webhooks, mode, log, now } = parts;
  const unlessReadOnly = (run: () => Promise<void>) => async () => {
    if ((await mode.find()) === undefined) await run();
  };
  const expire = () => expireUploads(registry, metadata, now() - uploads.expireAfter * 1000);
  const prune = () => pruneEvents(metadata, now() - access.auditKeep * 1000);
  return [
    { name: 'deliver-events', every: 1, scope: 'process', run: consumers.deliver },
    { name: 'prune-events', every: 3600, scope: 'cluster', run: prune },
    { name: 'collect-garbage', every: 5, scope: 'cluster', run: unlessReadOnly(garbageCollection.run) },
    { name: 'backup', every: 60, scope: 'cluster', run: backup.run },
    { name: 'verify', every: 10, scope: 'cluster', run: verification.run },
    { name: 'verify-damaged', every: 10, scope: 'process', run: verification.checkSuspects },
    { name: 'expire-uploads', every: 3600, scope: 'cluster', run: expire },
    { name: 'tidy-mirror', every: 10, scope: 'cluster', run: mirror.tidyStores },
    { name: 'tidy-mirror-process', every: 10, scope: 'process', run: mirror.tidy },
    { name: 'purge-trash', every: 60, scope: 'cluster', run: unlessReadOnly(() => purgeTrash(registry, metadata)) },
    { name: 'sweep-indexes', every: 6 * 3600, scope: 'cluster', run: imageContents.sweep },
    { name: 'describe-images', every: 2, scope: 'cluster', run: imageContents.describe },
    { name: 'tidy-tag-history', every: 3600, scope: 'cluster', run: registry.trash.tidy },
    { name: 'record-pulls', every: 10, scope: 'process', run: registry.pulls.flush },
    { name: 'retention', every: 60, scope: 'cluster', run: unlessReadOnly(retention.run) },
    { name: 'record-mirror-traffic', every: 10, scope: 'process', run: parts.traffic.flush },
    { name: 'count-usage', every: 10, scope: 'cluster', run: parts.countUsage },
    { name: 'sync', every: 5, scope: 'process', run: unlessReadOnly(sync.runner.beginDue) },
    { name: 'empty-trash', every: 0.5, scope: 'process', run: mirror.emptyTrash },
    ...(quotas.count ? [{ name: 'count-quotas', every: 5, scope: 'cluster', run: quotas.count } as const] : []),
    ...(quotas.yieldToDisk
      ? [{ name: 'yield-trash', every: 10, scope: 'cluster', run: unlessReadOnly(quotas.yieldToDisk) } as const]
      : []),
    ...(webhooks
      ? ([
          { name: 'send-webhooks', every: 1, scope: 'process', run: webhooks.run },
          { name: 'tidy-webhooks', every: 3600, scope: 'process', run: webhooks.tidy },
        ] as const)
      : []),
    ...(guard ? [{ name: 'tidy-access', every: 3600, scope: 'cluster', run: guard.tidy } as const] : []),
    ...(certificate
      ? [{ name: 'renew-certificate', every: 10, scope: 'process', run: () => renewCertificate(certificate, log) } as const]
      : []),
  ];
}

export interface ScheduleOptions {
  /** Undefined in a single process, which runs the jobs of both scopes. */
  readonly leases: Leases | undefined;
  readonly log: Log;
  readonly metrics: JobMetrics;
  readonly records: JobRecords;
  readonly tracer?: Tracer | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Schedules the jobs until `stop`. A failed run is logged and counted; the next run comes at its time. */
export function startJobs(jobs: readonly Job[], options: ScheduleOptions): { stop(): void } {
  const { leases, log } = options;
  const running = jobs.map((job) => {
    const run = () => measured(job, options);
    const scheduled = job.scope === 'cluster' && leases ? onOneReplica(leases, job.name, job.every, run) : run;
    return interval(job.every, scheduled, log, job.name);
  });
  return { stop: () => running.forEach((job) => job.stop()) };
}

/** A shorter run that has sent no requests and has not failed has found nothing to do: it leaves no span. */
const leastTracedSeconds = 0.1;

/** Runs the job once and records its duration and whether it failed. Rejects as the job does. */
async function measured(
  { name, run }: Job,
  { metrics, records, tracer, now }: Pick<ScheduleOptions, 'metrics' | 'records' | 'tracer' | 'now'>,
): Promise<void> {
  const startedAt = performance.now();
  const span = tracer?.begin({
    name: `job ${name}`,
    kind: 'internal',
    attributes: { 'berth.job': name },
    isBackground: true,
  });
  const ended = (error: unknown) => {
    const times = { endedAt: now(), seconds: (performance.now() - startedAt) / 1000 };
    metrics.ran(name, { ...times, hasFailed: error !== undefined });
    records.ran(name, { ...times, error });
    if (error !== undefined || span?.hasChildren || times.seconds >= leastTracedSeconds) span?.end(error);
    else span?.drop();
  };
  try {
    await (span ? span.run(run) : run());
  } catch (error) {
    ended(error ?? new Error('unknown'));
    throw error;
  }
  ended(undefined);
}

async function renewCertificate(certificate: Certificate, log: Log): Promise<void> {
  if (await certificate.renew()) log.info('new connections get the renewed certificate');
}

/**
 * Ends upload sessions that began before `before` (milliseconds since 1970), and deletes bytes, jobs, leases, claims and
 * windows of rate limits left since then.
 */
async function expireUploads(registry: JobParts['registry'], metadata: JobParts['metadata'], before: number): Promise<void> {
  while ((await registry.uploads.expire(before)) > 0);
  await registry.uploads.sweep(before);
  await metadata.archives.expire(before);
  await metadata.jobs.forget(before);
  await metadata.leases.forget(before);
  await metadata.claims.forget(before);
  await metadata.rateWindows.forget(before);
}

/** Deletes what was in the trash for long enough, unless garbage collection is paused or blocked. */
async function purgeTrash({ trash }: JobParts['registry'], { collectionState }: JobParts['metadata']): Promise<void> {
  const { pausedAt, blockedBy } = await collectionState.find();
  if (pausedAt === null && blockedBy === null) await trash.purgeDue();
}

/** Events that one transaction deletes: a few milliseconds of the write lock. */
const pruneBatch = 500;

/** Deletes events older than `before` (milliseconds since 1970) that all consumers have handled. */
async function pruneEvents({ events }: JobParts['metadata'], before: number): Promise<void> {
  while ((await events.prune(before, pruneBatch)) === pruneBatch);
}
