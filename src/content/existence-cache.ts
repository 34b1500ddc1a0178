import { type BlobDriver, StorageError } from '../../storage/blobs/driver.ts';
import { withTimeout } from '../coordination/timeout.ts';
import { hasContent } from './missing-content.ts';
import { createLru } from '../coordination/lru.ts';
import type { Digest } from '../oci/digest.ts';
import { isRecent } from '../coordination/recent.ts';

/** Tells whether content is in the blob store, without a request to a remote store each time. */
export interface ExistenceCache {
  /**
   * True if the store has `sizeBytes` bytes of the content, or had them when this process looked in the last five minutes.
   * Rejects as the driver's `stat` does.
   */
  has(digest: Digest, sizeBytes: number): Promise<boolean>;
  /** Makes the next `has` look again. Call it when the content turned out to be missing. */
  forget(digest: Digest): void;
}

const validMilliseconds = 5 * 60_000;
const maxEntries = 100_000;

export interface ExistenceCacheOptions {
  readonly driver: BlobDriver;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export function createExistenceCache({ driver, now }: ExistenceCacheOptions): ExistenceCache {
  const seenAt = createLru<number>(maxEntries);
  return {
    async has(digest, sizeBytes) {
      if (isRecent(seenAt.get(digest) ?? 0, validMilliseconds, now())) return true;
      const isThere = await hasContent(driver, digest, sizeBytes);
      if (isThere) seenAt.set(digest, now());
      return isThere;
    },
    forget: (digest) => void seenAt.delete(digest),
  };
}

/** How long a lookup waits for a remote store. */
const maxLookupSeconds = 2;

/**
 * Resolves to the result of `lookup`, or to `fallback` when the store is remote and is unavailable or does not answer within
 * two seconds: what needs no bytes is answered from the records then. Rejects with every other error of `lookup`.
 */
export async function unlessUnreachable<Result>(driver: BlobDriver, lookup: Promise<Result>, fallback: Result): Promise<Result> {
  if (!driver.capabilities.remote) return lookup;
  try {
    return (await withTimeout(lookup, maxLookupSeconds)) ?? fallback;
  } catch (error) {
    if (error instanceof StorageError && error.code === 'unavailable') return fallback;
    throw error;
  }
}
