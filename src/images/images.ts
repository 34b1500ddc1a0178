import type { BlobDriver } from '../../storage/blobs/driver.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import type { Leases } from '../coordination/leases.ts';
import type { Listings } from '../registry/listings.ts';
import type { Manifests } from '../registry/manifests.ts';
import { type IndexesEvents, createIndexes } from './build/indexes.ts';
import { type ImageDiffs, createImageDiffs } from './diff/image-diff.ts';
import type { Limits } from './layers/limits.ts';
import { type Referrers, createReferrers } from './referrers/referrers.ts';
import { createIndexStore } from './store/index-store.ts';
import type { JobRecorder } from '../progress/job-recorder.ts';
import type { SignaturePolicy } from '../signatures/policy.ts';
import { type FileViews, createFileViews } from './view/file-views.ts';
import { createImageFinder } from './view/image-finder.ts';
import { type ImageOpener, type IndexMode, createImageOpener } from './view/image-opener.ts';
import { type PackageViews, createPackageViews } from './view/package-view.ts';
import { createIndexWorker } from './worker/index-worker.ts';

/** What is inside of images, and what changes from one to another, without a pull. */
export interface Images extends ImageOpener {
  readonly files: FileViews;
  readonly packages: PackageViews;
  readonly diffs: ImageDiffs;
  readonly referrers: Referrers;
  /** Ends builds of indexes. */
  close(): Promise<void>;
}

export interface ImagesOptions {
  readonly driver: BlobDriver;
  readonly metadata: MetadataStore;
  readonly manifests: Pick<Manifests, 'find' | 'bytes'>;
  readonly listings: Pick<Listings, 'referrers'>;
  /** Default: images need no signatures. */
  readonly signatures?: Pick<SignaturePolicy, 'statusOf'> | undefined;
  /** Undefined if no other process serves the same stores. */
  readonly leases: Leases | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly mode: IndexMode;
  readonly events: IndexesEvents;
  /** Called when a build could not begin or be stored. */
  readonly onFailure: (error: unknown) => void;
  readonly onUnpacked?: (bytes: number) => void;
  readonly limits?: Limits;
  readonly recorder?: JobRecorder;
}

export function createImages(options: ImagesOptions): Images {
  const finder = createImageFinder(options);
  const indexes = createIndexes({ ...options, store: createIndexStore(options), worker: createIndexWorker() });
  const packages = createPackageViews({ indexes });
  return {
    ...createImageOpener({ ...options, finder, indexes }),
    files: createFileViews({ ...options, indexes }),
    packages,
    diffs: createImageDiffs({ finder, packages }),
    referrers: createReferrers(options),
    close: indexes.close,
  };
}
