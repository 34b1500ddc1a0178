import { createHash } from 'node:crypto';
import { type BlobDriver, StorageError } from '../../../storage/blobs/driver.ts';
import { blobKey } from '../../../storage/blobs/layout.ts';
import type { ContentToCheck } from '../../../storage/metadata/queries/verification/checks.ts';
import type { CorruptionProblem } from '../../../storage/metadata/queries/verification/corrupt.ts';
import { digestAlgorithm, digestOfHash } from '../../oci/digest.ts';

/** `quick`: existence and size. `deep`: every byte. */
export type Depth = 'quick' | 'deep';

/** What one look at the bytes of some content has shown. `unreadable`: the store failed; nothing is known about the bytes. */
export type Outcome =
  | { readonly state: 'right' }
  | { readonly state: 'corrupt'; readonly problem: CorruptionProblem }
  | { readonly state: 'unreadable'; readonly error: unknown };

/** How fast content is read, and until when. */
export interface Pace {
  /** Counts bytes that were read; resolves when more may be read. */
  spend(bytes: number): Promise<void>;
  readonly signal: AbortSignal;
}

/**
 * A request or an open file costs as much as so many bytes: a store with many small blobs is not read faster than with
 * large ones.
 */
const leastBytes: Readonly<Record<Depth, number>> = { quick: 16 * 1024, deep: 64 * 1024 };

/** Looks at the bytes once. Rejects with the reason of the signal when it is aborted, and with nothing else. */
export async function checkContent(driver: BlobDriver, content: ContentToCheck, depth: Depth, pace: Pace): Promise<Outcome> {
  pace.signal.throwIfAborted();
  await pace.spend(leastBytes[depth]);
  try {
    const problem = await (depth === 'deep' ? readAndCompare(driver, content, pace) : compareSize(driver, content));
    return problem ? { state: 'corrupt', problem } : { state: 'right' };
  } catch (error) {
    pace.signal.throwIfAborted();
    if (error instanceof StorageError && error.code === 'not_found') return { state: 'corrupt', problem: 'missing' };
    return { state: 'unreadable', error };
  }
}

async function compareSize(driver: BlobDriver, { digest, sizeBytes }: ContentToCheck): Promise<CorruptionProblem | undefined> {
  const stat = await driver.stat(blobKey(digest));
  return stat.sizeBytes === sizeBytes ? undefined : 'wrong_size';
}

async function readAndCompare(
  driver: BlobDriver,
  { digest, sizeBytes }: ContentToCheck,
  { spend, signal }: Pace,
): Promise<CorruptionProblem | undefined> {
  const object = await driver.read(blobKey(digest));
  try {
    if (object.sizeBytes !== sizeBytes) return 'wrong_size';
    const algorithm = digestAlgorithm(digest);
    const hash = createHash(algorithm);
    let receivedBytes = 0;
    for await (const chunk of object.stream()) {
      signal.throwIfAborted();
      hash.update(chunk);
      receivedBytes += chunk.length;
      await spend(chunk.length);
    }
    if (receivedBytes !== sizeBytes)
      throw new StorageError('unavailable', `read: only ${receivedBytes} of ${sizeBytes} bytes arrived`);
    return digestOfHash(hash, algorithm) === digest ? undefined : 'wrong_digest';
  } finally {
    await object.close();
  }
}
