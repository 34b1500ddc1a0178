import type { Config } from '../../../config/schema.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { Metrics } from '../../observability/metrics.ts';
import type { StoredAmounts } from '../../observability/storage-metrics.ts';
import type { SharedMetrics } from '../../observability/worker-metrics.ts';
import { diskOfBlobs } from '../maintenance/disk-space.ts';
import { type MirrorTraffic, openMirrorTraffic } from './mirror-traffic.ts';

/** Adds the sources of gauges, and shares the metrics with other workers. What the mirror does is counted for its view too. */
export function openMetrics(
  config: Pick<Config, 'mirror' | 'storage'>,
  created: Metrics,
  metadata: MetadataStore,
  now: () => number,
  shared: SharedMetrics | undefined,
): { readonly metrics: Metrics; readonly traffic: MirrorTraffic } {
  const traffic = openMirrorTraffic(config, metadata, now);
  const metrics = traffic.counted(created);
  metrics.watchStorage({ disk: diskOfBlobs(config), amounts: () => findAmounts(metadata) });
  shared?.share(metrics.text);
  return { metrics, traffic };
}

async function findAmounts({ usageCounting, usageSizes }: MetadataStore): Promise<StoredAmounts | undefined> {
  const all = await usageSizes.findNamespace('');
  if (!all) return undefined;
  const { orphanBlobs, orphanBytes, uploads, uploadBytes } = await usageCounting.findState();
  return {
    repositories: all.repositories,
    contents: all.contents + orphanBlobs,
    bytes: all.bytes + orphanBytes,
    openUploads: uploads,
    uploadBytes,
  };
}
