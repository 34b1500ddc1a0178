import type { EventReporterOptions } from './event-reporter.ts';
import type { BlobDriver } from '../../storage/blobs/driver.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import type { MeasureDisk } from './cache/disk-limit.ts';
import type { ManifestLock } from './content/manifest-lock.ts';
import type { ReplicaLock } from './fills/replica-lock.ts';
import type { MirrorMetrics } from '../observability/mirror-metrics.ts';
import type { Tracer } from '../telemetry/tracer.ts';
import type { ProxySettings, Timeouts } from '../upstream/transport.ts';
import type { Upstream } from '../upstream/upstream.ts';

/** What a mirror is made of: the stores, the settings of the section `mirror`, and where its events go. */
export interface MirrorOptions {
  readonly driver: BlobDriver;
  readonly metadata: MetadataStore;
  readonly now: () => number;
  readonly upstreams: readonly Upstream[];
  /** Name of the upstream for names without a host. */
  readonly fallback: string | undefined;
  /** How long listings are served without asking the upstream. */
  readonly freshnessSeconds: number;
  /** The same for a tag of a repository. */
  readonly tagFreshness: (repository: string, tag: string) => number;
  /** How long a client waits for an upstream where there is cached content to serve instead. */
  readonly revalidateWaitSeconds: number;
  readonly staleWhileRevalidateSeconds: number;
  readonly negativeSeconds: number;
  readonly retrySeconds: number;
  /** Undefined if no other process shares the stores. */
  readonly manifestLock: ManifestLock | undefined;
  /** How long an upstream's answer is believed that a repository is public. */
  readonly publicCheckSeconds: number;
  readonly timeouts: Timeouts;
  readonly proxy: ProxySettings;
  /** For downloads in progress. */
  readonly directory: string;
  /** Undefined if no other machine shares the stores. */
  readonly replicaLock: ReplicaLock | undefined;
  /** Bytes that the downloads in progress of this process may reserve on disk. Further blobs are passed on and not kept. */
  readonly downloadSpaceBytes: number;
  readonly maxManifestBytes: number;
  /** Layers up to this size are fetched when their manifest is; 0: none. */
  readonly prefetchBytes: number;
  /** A download without clients goes on if this part of it (0 … 1) has arrived, or the blob is not larger. */
  readonly finish: { readonly part: number; readonly sizeBytes: number };
  /** Limit of mirrored content. */
  readonly maxBytes: number;
  /** How many bytes of the blob store's disk the mirror leaves free. */
  readonly keepFreeBytes: number;
  readonly disk: MeasureDisk;
  readonly metrics: MirrorMetrics;
  /** Undefined: requests to upstreams and downloads have no spans. */
  readonly tracer?: Tracer | undefined;
  readonly log: { warn(fields: object, message: string): void };
  readonly fillFailed?: EventReporterOptions['fillFailed'];
}
