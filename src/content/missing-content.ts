import { type BlobDriver, type ByteRange, type OpenObject, StorageError } from '../../storage/blobs/driver.ts';
import { blobKey } from '../../storage/blobs/layout.ts';
import { unlessMissing } from '../../storage/blobs/missing.ts';
import { OciError } from '../oci/errors.ts';
import type { Digest } from '../oci/digest.ts';

/**
 * The records say that the content is here, and the blob store does not have it, or has other bytes in its place. For
 * operators it is in the log.
 */
export class ContentMissing extends OciError {
  constructor(digest: Digest, cause: unknown, state = 'are gone from the blob store') {
    super('INTERNAL', {
      message: `the bytes of ${digest} ${state}: push it again, or restore it from a backup`,
      detail: { digest },
      cause,
    });
  }
}

/** Opens content with a recorded size of `sizeBytes`. Rejects `ContentMissing` when it is missing or has another size. */
export async function openContent(driver: BlobDriver, digest: Digest, sizeBytes: number, range?: ByteRange): Promise<OpenObject> {
  try {
    const object = await driver.read(blobKey(digest), range);
    if (object.sizeBytes === sizeBytes) return object;
    await object.close();
    throw damaged(digest, `have ${object.sizeBytes} instead of ${sizeBytes} bytes in the blob store`);
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    if (error.code === 'not_found') throw new ContentMissing(digest, error);
    // The caller has compared the range with the recorded size.
    if (error.code === 'range_not_satisfiable') throw damaged(digest, 'are cut off in the blob store', error);
    throw error;
  }
}

/** Returns the error for content with other bytes in its place; `state` continues "the bytes of DIGEST …". */
export function damaged(digest: Digest, state: string, cause?: unknown): ContentMissing {
  return new ContentMissing(digest, cause, state);
}

/** True if the store has the content, with the recorded size. */
export async function hasContent(driver: BlobDriver, digest: Digest, sizeBytes: number): Promise<boolean> {
  return (await unlessMissing(driver.stat(blobKey(digest))))?.sizeBytes === sizeBytes;
}
