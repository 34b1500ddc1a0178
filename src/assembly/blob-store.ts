import type { Config } from '../../config/schema.ts';
import type { BlobDriver } from '../../storage/blobs/driver.ts';
import type { WatchRequest } from '../../storage/blobs/s3/client.ts';
import { createFilesystemDriver } from '../../storage/blobs/filesystem/filesystem-driver.ts';

/** Opens the blob driver that the configuration asks for. `watchRequest` watches requests to S3. */
export async function openBlobStore(
  { driver, directory, s3 }: Config['storage']['blobs'],
  watchRequest?: WatchRequest,
): Promise<BlobDriver> {
  if (driver === 'filesystem' || s3.bucket === undefined) return createFilesystemDriver({ directory });
  // The SDK takes time to load, and memory: only where it is used.
  const { createS3Driver } = await import('../../storage/blobs/s3/s3-driver.ts');
  return createS3Driver({
    ...s3,
    bucket: s3.bucket,
    credentials: credentialsOf(s3),
    presignedReads: s3.redirect,
    watchRequest,
  });
}

function credentialsOf({ accessKeyId, secretAccessKey }: Config['storage']['blobs']['s3']) {
  return accessKeyId !== undefined && secretAccessKey !== undefined ? { accessKeyId, secretAccessKey } : undefined;
}
