import type { ByteRange, OpenObject } from '../../../storage/blobs/driver.ts';
import type { CacheStatus } from '../events/mirror-events.ts';
import type { ManifestRecord } from '../../../storage/metadata/queries/manifests.ts';

export type { CacheStatus };

export interface LookupResult {
  readonly cache: CacheStatus;
  /** Seconds since the upstream last said that this is so; undefined for content by its digest, which cannot change. */
  readonly ageSeconds?: number;
}

export interface ManifestLookup extends LookupResult, ManifestRecord {
  /** Where they are not in the store. */
  readonly bytes?: Buffer;
}

export interface BlobLookup extends LookupResult {
  readonly sizeBytes: number;
  /** Where it is not in the store yet. */
  readonly open?: (range?: ByteRange) => OpenObject;
}
