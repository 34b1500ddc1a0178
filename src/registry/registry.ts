import type { BlobDriver } from '../../storage/blobs/driver.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import { type Blobs, createBlobs } from './blobs.ts';
import { type DeletionServices, type DeletionServicesOptions, createDeletionServices } from './deletion-services.ts';
import type { ImmutableTags } from './immutable-tags.ts';
import type { Leases } from '../coordination/leases.ts';
import type { Digest } from '../oci/digest.ts';
import { type Listings, createListings } from './listings.ts';
import { type ManifestBatches, createManifestBatches } from './manifest-batches.ts';
import { type Manifests, createManifests } from './manifests.ts';
import type { Admission } from './quotas/admission.ts';
import type { SignaturePolicy } from '../signatures/policy.ts';
import { type Pulls, createPulls } from './pulls.ts';
import type { UploadLimits } from './upload-limits.ts';
import { type Uploads, createUploads } from './uploads.ts';

/** The domain: what a registry does, without HTTP. */
export interface Registry extends DeletionServices {
  readonly blobs: Blobs;
  readonly uploads: Uploads;
  readonly manifests: Manifests;
  readonly batches: ManifestBatches;
  readonly listings: Listings;
  readonly pulls: Pulls;
  /** Undefined: images need no signatures. */
  readonly signatures: SignaturePolicy | undefined;
}

export interface RegistryOptions {
  readonly driver: BlobDriver;
  readonly metadata: MetadataStore;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly acceptMissing: boolean;
  /** Undefined if no other process serves the same stores. */
  readonly leases?: Leases | undefined;
  /** Upload sessions that keep their file open between requests. */
  readonly maxOpenFiles?: number;
  /** Unfinished upload sessions that clients may have. */
  readonly limits?: UploadLimits;
  /** Accounts whose pulls do not count. */
  readonly ignoredAccounts?: readonly string[];
  /** Called when pulls could not be recorded. */
  readonly onPullsNotRecorded?: (error: unknown) => void;
  /** Called after each change of content: its event is there. */
  readonly changed?: () => void;
  /** Called with content whose bytes were found missing or wrong: a verification decides. */
  readonly onDamaged?: ((digest: Digest) => void) | undefined;
  /** Default: none. */
  readonly immutable?: ImmutableTags | undefined;
  /** Default: no quotas. */
  readonly admission?: Admission | undefined;
  /** Default: images need no signatures. */
  readonly signatures?: SignaturePolicy | undefined;
  /** See `createDeletionServices`. */
  readonly counted?: DeletionServicesOptions['counted'];
  /** See `createDeletionServices`. */
  readonly deletion?: DeletionServicesOptions['deletion'];
}

export function createRegistry(options: RegistryOptions): Registry {
  return {
    blobs: createBlobs(options),
    uploads: createUploads(options),
    manifests: createManifests(options),
    batches: createManifestBatches(options),
    listings: createListings(options.metadata),
    pulls: createPulls(options),
    signatures: options.signatures,
    ...createDeletionServices(options),
  };
}
