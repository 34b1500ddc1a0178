import type { BlobDriver } from '../../../storage/blobs/driver.ts';
import { blobKey } from '../../../storage/blobs/layout.ts';
import { unlessMissing } from '../../../storage/blobs/missing.ts';
import { createLru } from '../../coordination/lru.ts';
import type { Digest } from '../../oci/digest.ts';

/** Checks that the bytes exist that clients are redirected to: berth does not see when a client finds nothing there. */
export interface ExistenceCache {
  /** True if the bytes existed at the last check, some minutes ago. Without redirects always true: opening them shows it. */
  isThere(digest: Digest): Promise<boolean>;
}

const believedMilliseconds = 5 * 60_000;
const maxBelieved = 100_000;

export function createExistenceCache(driver: BlobDriver, now: () => number): ExistenceCache {
  const seenAt = createLru<number>(maxBelieved);
  return {
    async isThere(digest) {
      if (!driver.capabilities.presignedReads || now() - (seenAt.get(digest) ?? 0) < believedMilliseconds) return true;
      const isThere = (await unlessMissing(driver.stat(blobKey(digest)))) !== undefined;
      if (isThere) seenAt.set(digest, now());
      return isThere;
    },
  };
}
