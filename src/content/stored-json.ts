import type { BlobDriver } from '../../storage/blobs/driver.ts';
import { readAll } from '../../storage/blobs/missing.ts';
import type { Digest } from '../oci/digest.ts';
import { ContentMissing, openContent } from './missing-content.ts';

/** An index, manifest or configuration that is larger is not read. */
const largestBytes = 4 * 1024 * 1024;

/**
 * Reads a JSON document of the blob store, such as a configuration. Undefined if it is larger than 4 MiB, if it is not JSON, or
 * if its bytes are missing. Rejects with `StorageError`.
 */
export async function readStoredJson(driver: BlobDriver, digest: Digest, sizeBytes: number): Promise<unknown> {
  if (sizeBytes > largestBytes) return undefined;
  try {
    const object = await openContent(driver, digest, sizeBytes);
    const bytes = await readAll(object).finally(() => object.close());
    return JSON.parse(bytes.toString());
  } catch (error) {
    if (error instanceof ContentMissing || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
