import { join } from 'node:path';
import { ConfigError } from '../../config/config-error.ts';
import type { Config } from '../../config/schema.ts';
import type { BlobDriver } from '../../storage/blobs/driver.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import type { MirrorMetrics } from '../observability/mirror-metrics.ts';
import { createReplicaLock } from '../mirror/fills/replica-lock.ts';
import { createManifestLock } from '../mirror/content/manifest-lock.ts';
import { createMirror } from '../mirror/compose.ts';
import type { Mirror } from '../mirror/mirror.ts';
import type { Tracer } from '../telemetry/tracer.ts';
import type { Log } from '../observability/log.ts';
import { createLeases } from '../coordination/leases.ts';
import { diskOfBlobs } from './maintenance/disk-space.ts';
import { isSingleProcess } from './serves-alone.ts';
import { warnOfSharing } from './registries/shared-logins.ts';
import { readUpstreams, withScheme } from './registries/upstream-settings.ts';
import { fillFailureRecorder } from './webhooks/fill-failures.ts';
import { readTagFreshness } from './tag-freshness.ts';

/** Part of the time for an upstream's answer: a client that waited for another replica in vain must wait for the answer too. */
const lockWaitPart = 0.4;

/** Opens the mirror that the configuration asks for. `now` in milliseconds. */
export async function openMirror(
  config: Config,
  driver: BlobDriver,
  metadata: MetadataStore,
  now: () => number,
  log: Pick<Log, 'warn'>,
  { metrics, tracer }: { readonly metrics: MirrorMetrics; readonly tracer?: Tracer | undefined },
): Promise<Mirror> {
  const { mirror, storage } = config;
  const { timeouts, proxy } = mirror;
  const upstreams = await readUpstreams(config);
  const patternErrors: string[] = [];
  const tagFreshness = readTagFreshness(config, patternErrors);
  if (patternErrors.length > 0) throw new ConfigError(patternErrors);
  const leases = createLeases({ metadata, now });
  const maxWaitSeconds = timeouts.headers * lockWaitPart;
  if (config.access.mode === 'open') warnOfSharing(upstreams, log);
  return createMirror({
    driver,
    metadata,
    now,
    log,
    metrics,
    tracer,
    fillFailed: fillFailureRecorder(config, metadata, now, log),
    upstreams,
    fallback: mirror.default,
    freshnessSeconds: mirror.freshness,
    tagFreshness,
    revalidateWaitSeconds: mirror.revalidateWait,
    staleWhileRevalidateSeconds: mirror.staleWhileRevalidate,
    negativeSeconds: mirror.negativeCache,
    retrySeconds: mirror.retry,
    manifestLock: isSingleProcess(config) ? undefined : createManifestLock({ leases, metadata, now, maxWaitSeconds }),
    publicCheckSeconds: mirror.publicCheck,
    timeouts: { connectSeconds: timeouts.connect, headersSeconds: timeouts.headers, idleSeconds: timeouts.idle },
    proxy: { HTTP_PROXY: withScheme(proxy.http), HTTPS_PROXY: withScheme(proxy.https), NO_PROXY: proxy.none },
    directory: mirror.directory ?? join(storage.blobs.directory, '.berth/fills'),
    // Processes of one machine share the folder.
    replicaLock:
      storage.metadata.driver === 'postgres' ? createReplicaLock({ leases, metadata, now, maxWaitSeconds }) : undefined,
    downloadSpaceBytes: mirror.downloadSpace,
    finish: { part: mirror.finish.percent / 100, sizeBytes: mirror.finish.size },
    maxBytes: mirror.maxSize,
    keepFreeBytes: mirror.keepFree,
    disk: diskOfBlobs(config),
    prefetchBytes: mirror.prefetch,
    maxManifestBytes: mirror.maxManifestSize,
  });
}
