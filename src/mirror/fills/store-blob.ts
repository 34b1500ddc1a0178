import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { unlink } from 'node:fs/promises';
import type { BlobDriver } from '../../../storage/blobs/driver.ts';
import { blobKey, uploadKey } from '../../../storage/blobs/layout.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Partials } from './partials.ts';

/** Makes the blob's file an object of the store: by renaming it where that is possible, by copying it elsewhere. */
export async function storeBlob(driver: BlobDriver, partials: Pick<Partials, 'pathOf'>, digest: Digest): Promise<void> {
  const path = partials.pathOf(digest);
  const isAdopted = await driver.adoptFile?.(path, blobKey(digest)).then(
    () => true,
    () => false,
  );
  if (isAdopted) return;
  const appender = await driver.openAppender(uploadKey(randomUUID()), { resume: false });
  try {
    await appender.append(createReadStream(path, { highWaterMark: 1024 * 1024 }));
    await appender.commit(blobKey(digest));
  } catch (error) {
    await appender.abort();
    throw error;
  }
  await unlink(path);
}
