import { createHash, randomUUID } from 'node:crypto';
import { type BlobDriver, type ObjectKey, type OpenObject } from '../../../storage/blobs/driver.ts';
import { blobKey, uploadKey } from '../../../storage/blobs/layout.ts';
import { unlessMissing } from '../../../storage/blobs/missing.ts';
import { type Digest, digestAlgorithm } from '../../oci/digest.ts';

export interface BlobToCopy {
  readonly digest: Digest;
  readonly sizeBytes: number;
}

export interface CopyProgress {
  readonly blobs: number;
  readonly bytes: number;
}

/** The bytes in a store are not those of the digest that they lie under. */
export class DamagedBlob extends Error {
  override readonly name = 'DamagedBlob';
  readonly code = 'damaged';
}

/** Copied at once: enough to fill a network while one of them waits for an answer. */
const atOnce = 4;

/**
 * Copies blobs from store to store. Each is verified against its digest before it appears in the target, durable then;
 * one that is there with its size has been verified by an earlier run, so that an interrupted copy goes on where it was.
 * Resolves to the blobs that the source has not. Throws `DamagedBlob`, `StorageError`.
 */
export async function copyBlobs(
  source: BlobDriver,
  target: BlobDriver,
  blobs: Iterable<BlobToCopy>,
  onProgress: (progress: CopyProgress) => void,
): Promise<readonly BlobToCopy[]> {
  const gone: BlobToCopy[] = [];
  const iterator = blobs[Symbol.iterator]();
  let progress: CopyProgress = { blobs: 0, bytes: 0 };
  let failed = false;

  async function work(): Promise<void> {
    for (let next = iterator.next(); !next.done && !failed; next = iterator.next()) {
      const blob = next.value;
      if (!(await copyBlob(source, target, blob))) gone.push(blob);
      progress = { blobs: progress.blobs + 1, bytes: progress.bytes + blob.sizeBytes };
      onProgress(progress);
    }
  }

  const workers = Array.from({ length: atOnce }, () =>
    work().catch((error: unknown) => {
      failed = true;
      throw error;
    }),
  );
  await Promise.allSettled(workers);
  await Promise.all(workers);
  return gone;
}

/** False where the source has no such blob. */
async function copyBlob(source: BlobDriver, target: BlobDriver, { digest, sizeBytes }: BlobToCopy): Promise<boolean> {
  const key = blobKey(digest);
  const there = await unlessMissing(target.stat(key));
  if (there?.sizeBytes === sizeBytes) return true;
  const object = await unlessMissing(source.read(key));
  if (!object) return false;
  try {
    await copyVerified(object, target, digest, key);
  } finally {
    await object.close();
  }
  return true;
}

async function copyVerified(object: OpenObject, target: BlobDriver, digest: Digest, key: ObjectKey): Promise<void> {
  const appender = await target.openAppender(uploadKey(randomUUID()), { resume: false });
  const algorithm = digestAlgorithm(digest);
  const hash = createHash(algorithm);
  try {
    await appender.append(hashed(object.stream(), hash));
    const actual = `${algorithm}:${hash.digest('hex')}`;
    if (actual !== digest) throw new DamagedBlob(`the bytes that lie under ${digest} are those of ${actual}`);
    await appender.commit(key);
  } catch (error) {
    await appender.abort();
    throw error;
  }
}

/** Hashes the chunks and yields copies: an appender keeps them, and a stream may use their memory again. */
async function* hashed(
  chunks: AsyncIterable<Uint8Array>,
  hash: { update(chunk: Uint8Array): unknown },
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    hash.update(chunk);
    yield Uint8Array.from(chunk);
  }
}
