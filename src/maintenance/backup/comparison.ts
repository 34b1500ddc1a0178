import type { BlobDriver } from '../../../storage/blobs/driver.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { Digest } from '../../oci/digest.ts';
import { type AffectedImages, findAffectedImages } from '../verify/affected-images.ts';
import { compareStore } from '../verify/compare-store.ts';

/** What the records and the blob store do not have in common. */
export interface StoreComparison {
  /** Blobs and manifests that are recorded. */
  readonly recorded: number;
  /** Those that repositories need and whose bytes are missing, or have another size. Mirrored content is not counted. */
  readonly missing: number;
  readonly missingBytes: number;
  /** Blobs and manifests in the store without a record: nothing deletes them. */
  readonly unrecorded: number;
  readonly unrecordedBytes: number;
}

export interface MissingContent extends AffectedImages {
  readonly digest: Digest;
}

export interface ComparisonOptions {
  readonly driver: BlobDriver;
  readonly metadata: MetadataStore;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Called with content that is missing, and the images that need it. */
  readonly onMissing: (missing: MissingContent) => void;
  /** Called with the part of the work that is done, from 0 to 1, and the number of objects. */
  readonly onProgress: (part: number, objects: number) => void;
  readonly signal?: AbortSignal;
}

/** Compares the listing of the store with the records: names and sizes, not bytes. */
export async function summarizeComparison(options: ComparisonOptions): Promise<StoreComparison> {
  const { metadata, onMissing } = options;
  const { contents: recorded } = await metadata.contentChecks.count();
  const sums = { missing: 0, missingBytes: 0, unrecorded: 0, unrecordedBytes: 0 };
  for await (const difference of compareStore({ ...options, graceMilliseconds: 0 })) {
    if (difference.kind === 'foreign') continue;
    const { kind, digest, sizeBytes } = difference;
    if (kind === 'orphan') {
      sums.unrecorded++;
      sums.unrecordedBytes += sizeBytes;
    } else if (await metadata.backups.needs(digest)) {
      sums.missing++;
      sums.missingBytes += sizeBytes;
      onMissing({ digest, ...(await findAffectedImages(options, digest)) });
    }
  }
  return { recorded, ...sums };
}
