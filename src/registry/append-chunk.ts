import { setImmediate } from 'node:timers/promises';
import { StorageError } from '../../storage/blobs/driver.ts';
import type { ChunkRange } from '../oci/content-range.ts';
import { type Digest, digestAlgorithm } from '../oci/digest.ts';
import { OciError } from '../oci/errors.ts';
import type { OpenUpload } from './open-upload.ts';
import type { Turn } from '../coordination/keyed-mutex.ts';

export interface Chunk {
  readonly body: AsyncIterable<Uint8Array>;
  /** Its position, if the client sent one. */
  readonly range?: ChunkRange | undefined;
  /** Its length in bytes, if the client sent it. */
  readonly length?: number | undefined;
}

/**
 * Runs `append`. If it fails after the request waited for others, drops the appended bytes: the client may have disconnected
 * while it waited, which is detected only when the body is read, and may have got answers to newer requests.
 */
export async function undoneOnFailure(
  upload: OpenUpload,
  { hasWaited }: Turn,
  signal: AbortSignal | undefined,
  append: () => Promise<void>,
): Promise<void> {
  const before = upload.sizeBytes;
  try {
    await append();
    if (!hasWaited) return;
    // The end of the connection is read one turn of the event loop after the last byte.
    await setImmediate();
    await setImmediate();
    signal?.throwIfAborted();
  } catch (error) {
    if (hasWaited && upload.sizeBytes > before) await upload.truncate(before).catch(() => undefined);
    throw error;
  }
}

/** Appends the last chunk, unless the session has all bytes: then the client repeats a request that failed. */
export async function appendLast(upload: OpenUpload, chunk: Chunk, digest: Digest): Promise<void> {
  const isComplete = upload.sizeBytes > 0 && (await upload.digest(digestAlgorithm(digest))) === digest;
  if (!isComplete) return appendChunk(upload, chunk);
  const repeated = chunk.body[Symbol.asyncIterator]();
  while (!(await repeated.next()).done);
}

/** Appends a chunk. Drops its bytes if the store is full: unacknowledged bytes must not make later pushes fail. */
export async function appendChunk(upload: OpenUpload, chunk: Chunk): Promise<void> {
  const before = upload.sizeBytes;
  try {
    await appendAnnounced(upload, chunk);
  } catch (error) {
    if (isFull(error)) await upload.truncate(before).catch(() => undefined);
    throw error;
  }
}

function isFull(error: unknown): boolean {
  return error instanceof StorageError && error.code === 'no_space';
}

/** Returns the number of bytes that the client has announced, if it has. */
export function announcedLength({ length, range }: Chunk): number | undefined {
  return length ?? (range && range.last - range.first + 1);
}

/** Appends a chunk. Drops its bytes if they are not as many as announced. */
async function appendAnnounced(upload: OpenUpload, chunk: Chunk): Promise<void> {
  const { body } = chunk;
  const before = upload.sizeBytes;
  checkPosition(upload, chunk);
  const announced = announcedLength(chunk);
  const added = await upload.append(body);
  if (announced === undefined || added === announced) return;
  await upload.truncate(before);
  throw new OciError('SIZE_INVALID', { message: `${added} bytes arrived, ${announced} were announced` });
}

/** Throws BLOB_UPLOAD_INVALID (416) for a chunk that does not continue the upload, and SIZE_INVALID for one with two lengths. */
export function checkPosition({ sizeBytes }: Pick<OpenUpload, 'sizeBytes'>, { range, length }: Chunk): void {
  if (range) checkRange(range, sizeBytes, length);
}

function checkRange(range: ChunkRange, sizeBytes: number, length: number | undefined): void {
  if (range.first !== sizeBytes) {
    const message = `the chunk begins at byte ${range.first}, the upload has ${sizeBytes}`;
    throw new OciError('BLOB_UPLOAD_INVALID', { status: 416, message, detail: { sizeBytes } });
  }
  if (length !== undefined && length !== range.last - range.first + 1) {
    throw new OciError('SIZE_INVALID', { message: `Content-Range ${range.first}-${range.last} does not have ${length} bytes` });
  }
}
