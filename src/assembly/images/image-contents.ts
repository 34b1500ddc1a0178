import type { Config } from '../../../config/schema.ts';
import type { BlobDriver } from '../../../storage/blobs/driver.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { createDescriptions } from '../../images/description/describe-image.ts';
import type { Leases } from '../../coordination/leases.ts';
import type { Images } from '../../images/images.ts';
import type { IndexMode } from '../../images/view/image-opener.ts';
import type { Metrics } from '../../observability/metrics.ts';
import type { Log } from '../../observability/log.ts';
import { createJobRecorder } from '../../progress/job-recorder.ts';
import type { Registry } from '../../registry/registry.ts';

export interface ImageContentsParts {
  readonly driver: BlobDriver;
  readonly metadata: MetadataStore;
  readonly registry: Pick<Registry, 'manifests' | 'listings' | 'signatures'>;
  /** Undefined if no other process serves the same stores. */
  readonly leases: Leases | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'indexes'>;
  /** Aborted when the process shuts down. */
  readonly closing: AbortSignal;
}

/** The contents of images in a server. */
export interface ImageContents {
  /** Returns the service. It is loaded when it is called for the first time: a server that only serves pulls does without it. */
  images(): Promise<Images>;
  /** One run of the job that deletes indexes without a blob. Ends early at shutdown. */
  sweep(): Promise<void>;
  /** One run of the job that describes changed images for the catalog. */
  describe(): Promise<void>;
  /** Ends builds of indexes. */
  close(): Promise<void>;
}

/** Makes the service that shows what is inside of images. */
export function openImageContents({ page }: Pick<Config, 'page'>, parts: ImageContentsParts): ImageContents {
  const { driver, metadata, log, closing } = parts;
  let loaded: Promise<Images> | undefined;
  return {
    images: () => (loaded ??= loadImages(page.index, parts)),
    async sweep() {
      const { sweepIndexes } = await import('../../images/store/sweep.ts');
      const deleted = await sweepIndexes({ driver, metadata }, closing);
      if (deleted > 0) log.info({ deleted }, 'indexes whose blobs are gone were deleted');
    },
    describe: createDescriber(parts),
    close: async () => (await loaded)?.close(),
  };
}

/** The log says at most this number of images that are left: counting takes time. */
const mostCounted = 100_000;

/** Progress is logged while there is a backlog: at the first start of a store from before the catalog. */
function createDescriber({ driver, metadata, registry, closing, log }: ImageContentsParts): () => Promise<void> {
  const descriptions = createDescriptions({ driver, metadata, manifests: registry.manifests });
  return async () => {
    const { describeChanged, mostImages } = await import('../../images/description/catalog-facts.ts');
    const described = await describeChanged({ descriptions, metadata, closing });
    if (described < mostImages) return;
    const left = await metadata.catalogImages.countChanged(mostCounted);
    log.info({ described, left }, 'images were described for the catalog');
  };
}

async function loadImages(mode: IndexMode, parts: ImageContentsParts): Promise<Images> {
  const { driver, metadata, registry, leases, now, log } = parts;
  const metrics = parts.metrics.indexes;
  const { createImages } = await import('../../images/images.ts');
  return createImages({
    driver,
    metadata,
    leases,
    now,
    mode,
    manifests: registry.manifests,
    recorder: createJobRecorder({ metadata, now }),
    listings: registry.listings,
    signatures: registry.signatures,
    events: {
      built: metrics.built,
      failed(digest, failure) {
        metrics.failed(failure.limit ?? 'error');
        log.warn({ digest, limit: failure.limit, reason: failure.message }, 'the index of a layer or image could not be built');
      },
    },
    onFailure: (error) => log.error({ err: error }, 'an image could not be indexed: the next look at it tries again'),
  });
}
