import { LRUCache } from 'lru-cache';
import { type BlobDriver, StorageError } from '../../storage/blobs/driver.ts';
import { blobKey } from '../../storage/blobs/layout.ts';
import { unlessMissing } from '../../storage/blobs/missing.ts';
import { OciError } from '../oci/errors.ts';

/** The records say that the content is here, and the blob store does not have it. For operators it is in the log. */
export class BytesLost extends OciError {
  constructor(digest: string, cause: unknown) {
    const message = `the bytes of ${digest} are gone from the blob store: push it again, or restore it from a backup`;
    super('INTERNAL', { message, detail: { digest }, cause });
  }
}

/**
 * Content whose bytes this process has missed. What was found lost once is looked for in the store before somebody is told
 * that it is here: so clients that push it again bring it.
 */
export interface LostBytes {
  /** Runs `read`; rejects `BytesLost` where it rejects `not_found`. */
  noting<Result>(digest: string, read: () => Promise<Result>): Promise<Result>;
  isLost(digest: string): Promise<boolean>;
}

const mostNoted = 10_000;

export function createLostBytes(driver: BlobDriver): LostBytes {
  const noted = new LRUCache<string, true>({ max: mostNoted });
  return {
    async noting(digest, read) {
      try {
        return await read();
      } catch (error) {
        if (!(error instanceof StorageError && error.code === 'not_found')) throw error;
        noted.set(digest, true);
        throw new BytesLost(digest, error);
      }
    },
    async isLost(digest) {
      if (!noted.has(digest)) return false;
      if (!(await unlessMissing(driver.stat(blobKey(digest))))) return true;
      noted.delete(digest);
      return false;
    },
  };
}
