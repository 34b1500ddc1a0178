import type { BlobDriver } from '../../../../storage/blobs/driver.ts';
import type { MetadataStore } from '../../../../storage/metadata/store.ts';

/** The stores that a command compares, until `signal` aborts. */
export interface VerifiedStores {
  readonly driver: BlobDriver;
  readonly metadata: MetadataStore;
  readonly signal: AbortSignal;
}
