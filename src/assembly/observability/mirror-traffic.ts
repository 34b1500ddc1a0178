import type { Config } from '../../../config/schema.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { Mirror } from '../../mirror/mirror.ts';
import { type MirrorOverview, createMirrorOverview } from '../../mirror/traffic/mirror-overview.ts';
import { createTrafficCounter } from '../../mirror/traffic/traffic.ts';
import type { Metrics } from '../../observability/metrics.ts';

/** What the mirror does, for its view: counted where the metrics are, so that both have the same figures. */
export interface MirrorTraffic {
  /** Returns the metrics, whose events are counted for the view too. */
  counted(metrics: Metrics): Metrics;
  /** Returns the mirror, and makes its overview. */
  watched(mirror: Mirror): Mirror;
  /** Only after `watched`. */
  overview(): MirrorOverview;
  /** One run of the job: adds what was counted to the metadata store, and reports what this process does. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

export function openMirrorTraffic({ mirror }: Pick<Config, 'mirror'>, metadata: MetadataStore, now: () => number): MirrorTraffic {
  const counter = createTrafficCounter(metadata, now);
  let overview: MirrorOverview | undefined;
  return {
    counted(metrics) {
      return {
        ...metrics,
        request(request, route) {
          metrics.request(request, route);
          counter.request(request);
        },
        mirror: {
          ...metrics.mirror,
          received(upstream, bytes) {
            metrics.mirror.received(upstream, bytes);
            counter.received(upstream, bytes);
          },
        },
      };
    },
    watched(watched) {
      const upstreams = () => watched.upstreams().map(({ name }) => name);
      overview = createMirrorOverview({ metadata, upstreams, maxBytes: mirror.maxSize, mirror: watched, now });
      return watched;
    },
    overview() {
      if (!overview) throw new Error('the mirror is not open yet');
      return overview;
    },
    async flush() {
      await counter.flush();
      await overview?.report();
    },
    async close() {
      await counter.flush();
      await overview?.close();
    },
  };
}
