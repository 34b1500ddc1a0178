import { createAdoption } from '../maintenance/adopt/report.ts';
import { type OperationParts, openOperationReport } from './observability/operation-report.ts';
import { createTagRules } from '../maintenance/retention/tag-rules.ts';
import { readImmutableTags } from './maintenance/deletion-settings.ts';
import { readRetentionRules } from './maintenance/retention.ts';
import type { Config } from '../../config/schema.ts';
import type { BlobDriver } from '../../storage/blobs/driver.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import { createCatalogServices } from '../catalog/services.ts';
import { createDescriptions } from '../images/description/describe-image.ts';
import { createUsageOverview } from '../maintenance/usage/usage-overview.ts';
import { createQuotaOverview } from '../maintenance/quotas/overview.ts';
import { createJobRecorder } from '../progress/job-recorder.ts';
import { createJobsOverview } from '../progress/jobs-overview.ts';
import type { ArchiveMetrics } from '../observability/archives/archive-metrics.ts';
import { countExports, countImports } from './observability/counted-archives.ts';
import type { Registry } from '../registry/registry.ts';
import { createSearch } from '../search/search.ts';
import { openArchiveExports, openArchiveImports } from './archives.ts';
import type { MirrorTraffic } from './observability/mirror-traffic.ts';
import { diskOfBlobs } from './maintenance/disk-space.ts';
import type { GuardServices } from './guard.ts';
import type { ImageContents } from './images/image-contents.ts';
import type { MaintenanceMode } from '../maintenance/mode/maintenance-mode.ts';
import type { RateLimits } from '../http/server/rate-limits.ts';
import { listJobSources } from './maintenance/job-sources.ts';
import { createImageFetches } from '../mirror/images/image-fetches.ts';
import { createClientChecks } from '../mirror/check/client-checks.ts';
import { createUpstreamChecks } from '../mirror/check/upstream-checks.ts';
import type { Mirror } from '../mirror/mirror.ts';
import type { MaintenanceServices } from './maintenance-services.ts';

export interface ApiParts extends Omit<OperationParts, 'mirror'> {
  readonly driver: BlobDriver;
  readonly registry: Registry;
  readonly metadata: MetadataStore;
  readonly maintenance: Pick<MaintenanceServices, 'api'>;
  readonly traffic: Pick<MirrorTraffic, 'overview'>;
  readonly imageContents: Pick<ImageContents, 'images'>;
  readonly limits: RateLimits;
  readonly mode: MaintenanceMode;
  /** Aborted when the process shuts down. */
  readonly closing: AbortSignal;
  readonly mirror: Pick<Mirror, 'background' | 'state' | 'probe' | 'upstreams'>;
  readonly metrics: { readonly archives: ArchiveMetrics };
}

/** Returns what the API does apart from accounts and permissions. */
export function openApiServices(
  config: Config,
  {
    registry,
    driver,
    metadata,
    maintenance,
    imageContents,
    limits,
    mode,
    traffic,
    closing,
    mirror,
    certificate,
    metrics,
  }: ApiParts,
): GuardServices {
  const { api } = maintenance;
  const [now, sources] = [Date.now, listJobSources(api.sync, api.verification)];
  const recorder = createJobRecorder({ metadata, now });
  const upstreams = () => mirror.upstreams().map(({ name }) => name);
  const exports = openArchiveExports({ registry, metadata, upstreams });
  const imports = openArchiveImports(config, { registry, metadata, upstreams }, now, recorder);
  return {
    limits,
    mode,
    operation: openOperationReport(config, { driver, metadata, mirror, certificate }),
    content: registry,
    ...createCatalogServices(metadata, Date.now),
    search: createSearch(metadata, Date.now),
    descriptions: createDescriptions({ driver, metadata, manifests: registry.manifests }),
    pulls: registry.pulls,
    tagRules: createTagRules({ ...readRetentionRules(config), immutable: readImmutableTags(config) }),
    adoption: createAdoption(metadata),
    ...api,
    quotas: createQuotaOverview(metadata),
    mirror: traffic.overview(),
    checks: config.page.check === 'on' ? createClientChecks(metadata, now) : undefined,
    upstreamChecks: createUpstreamChecks({ metadata, upstreams, mirror, now }),
    usage: createUsageOverview({ ...api, metadata, disk: diskOfBlobs(config) }),
    webhooks: async () => (await import('./webhooks/webhooks.ts')).openWebhookOverview(config, metadata),
    images: imageContents.images,
    exports: countExports(exports, metrics.archives),
    imports: countImports(imports, metrics.archives),
    fetches: createImageFetches({
      recorder,
      mirror: mirror.background,
      manifestBytes: registry.manifests.bytes,
      upstreams,
      assertStored: (image, platform) => exports.describe([image], { platform }),
    }),
    jobs: createJobsOverview({ metadata, sources, now, closing }),
  };
}
