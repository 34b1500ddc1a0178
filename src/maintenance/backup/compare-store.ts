import type { BlobDriver } from '../../../storage/blobs/driver.ts';
import { blobKey, blobsPrefix } from '../../../storage/blobs/layout.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { type Digest, parseDigest } from '../../oci/digest.ts';

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

export interface CompareOptions {
  readonly driver: Pick<BlobDriver, 'listEntries'>;
  readonly metadata: Pick<MetadataStore, 'backups' | 'contentChecks'>;
  readonly onMissing: (digest: Digest, sizeBytes: number) => Promise<void> | void;
  /** Called after each thousand records. */
  readonly onProgress: (compared: number) => void;
}

const pageRows = 1000;

/** Compares the listing of the store with the records: names and sizes, not bytes. Keeps one page of records in memory. */
export async function compareStore({ driver, metadata, onMissing, onProgress }: CompareOptions): Promise<StoreComparison> {
  const result = { recorded: 0, missing: 0, missingBytes: 0, unrecorded: 0, unrecordedBytes: 0 };
  const stored = storedBlobs(driver);
  let blob = await stored.next();
  const passUnrecorded = async (before: string | undefined) => {
    for (; blob.done !== true && (before === undefined || blob.value.digest < before); blob = await stored.next()) {
      result.unrecorded++;
      result.unrecordedBytes += blob.value.sizeBytes;
    }
  };
  let page = await metadata.contentChecks.list('', pageRows);
  while (page.length > 0) {
    for (const { digest, sizeBytes } of page) {
      await passUnrecorded(digest);
      const found = blob.done !== true && blob.value.digest === digest ? blob.value : undefined;
      if (found) blob = await stored.next();
      result.recorded++;
      if (found?.sizeBytes === sizeBytes || !(await metadata.backups.needs(digest))) continue;
      result.missing++;
      result.missingBytes += sizeBytes;
      await onMissing(digest, sizeBytes);
    }
    onProgress(result.recorded);
    page = await metadata.contentChecks.list(page.at(-1)?.digest ?? '', pageRows);
  }
  await passUnrecorded(undefined);
  return result;
}

/** Yields the blobs of the store, ascending by digest. */
export async function* storedBlobs(
  driver: Pick<BlobDriver, 'listEntries'>,
): AsyncGenerator<{ readonly digest: Digest; readonly sizeBytes: number }, undefined> {
  for await (const { path, kind, sizeBytes } of driver.listEntries(blobsPrefix)) {
    const [, algorithm, hex] = /^([a-z0-9]+)\/[0-9a-f]{2}\/([0-9a-f]+)\/data$/.exec(path.slice(blobsPrefix.length)) ?? [];
    const digest = kind === 'object' && algorithm !== undefined ? parseDigest(`${algorithm}:${hex ?? ''}`) : undefined;
    if (digest && blobKey(digest) === path) yield { digest, sizeBytes };
  }
  return undefined;
}
