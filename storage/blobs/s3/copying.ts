import type { Bucket } from './bucket.ts';
import { type MultipartUpload, beginMultipart } from './multipart.ts';

/** One request copies at most 5 GiB. Concurrent pieces make a large copy faster, too. */
const pieceBytes = 512 * 1024 ** 2;
const piecesAtOnce = 4;

/** Copies an object of `sizeBytes` bytes within the store, atomically. Rejects `not_found`. */
export async function copyObject(bucket: Bucket, from: string, to: string, sizeBytes: number): Promise<void> {
  if (sizeBytes <= pieceBytes) {
    const places = { ...bucket.place(to), ...bucket.source(from) };
    await bucket.request('copy', sizeBytes, (options) =>
      bucket.s3.copyObject({ ...places, ...bucket.encryption, ...bucket.storageClass }, options),
    );
    return;
  }
  const upload = await beginMultipart(bucket, to, bucket.storageClass);
  try {
    await copyIntoParts(upload, from, sizeBytes);
    await upload.complete();
  } catch (error) {
    await upload.abort().catch(() => undefined);
    throw error;
  }
}

/** Copies the first `sizeBytes` bytes of an object into the first parts of `upload`. The last part is short if they are few. */
export async function copyIntoParts(upload: MultipartUpload, from: string, sizeBytes: number): Promise<void> {
  const count = Math.ceil(sizeBytes / pieceBytes);
  // Equal pieces: none is below the smallest size of a part.
  const startOf = (piece: number) => Math.floor((piece * sizeBytes) / count);
  for (let next = 0; next < count; next += piecesAtOnce) {
    const turn = Array.from({ length: Math.min(piecesAtOnce, count - next) }, (_, index) => next + index);
    await Promise.all(turn.map((piece) => upload.copy(piece + 1, from, { first: startOf(piece), last: startOf(piece + 1) - 1 })));
  }
}
