import { LRUCache } from 'lru-cache';
import type { BlobDriver } from '../../../storage/blobs/driver.ts';
import { blobKey } from '../../../storage/blobs/layout.ts';
import { unlessMissing } from '../../../storage/blobs/missing.ts';

/** Whether bytes are where clients are sent for them: nobody tells us when they find nothing there. */
export interface ExistenceCache {
  /** What was there a while ago is believed to be there still. Without redirects the one who opens them finds out. */
  isThere(digest: string): Promise<boolean>;
}

const believedMilliseconds = 5 * 60_000;
const maxBelieved = 100_000;

export function createExistenceCache(driver: BlobDriver, now: () => number): ExistenceCache {
  const seenAt = new LRUCache<string, number>({ max: maxBelieved });
  return {
    async isThere(digest) {
      if (!driver.capabilities.presignedReads || now() - (seenAt.get(digest) ?? 0) < believedMilliseconds) return true;
      const isThere = (await unlessMissing(driver.stat(blobKey(digest)))) !== undefined;
      if (isThere) seenAt.set(digest, now());
      return isThere;
    },
  };
}
