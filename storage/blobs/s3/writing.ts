import type { Bucket } from './bucket.ts';

/** Writes an object in one request: atomic and durable. With `ifAbsent` it rejects `already_exists`. */
export async function putObject(bucket: Bucket, key: string, bytes: Uint8Array, ifAbsent = false): Promise<void> {
  const place = { ...bucket.place(key), ...bucket.encryption, ...bucket.storageClass };
  const condition = ifAbsent ? { IfNoneMatch: '*' } : {};
  await bucket.request('put', bytes.length, (options) => bucket.s3.putObject({ ...place, ...condition, Body: bytes }, options));
}

/** Size in bytes. Rejects `not_found`. */
export async function objectSize(bucket: Bucket, key: string): Promise<number> {
  const { ContentLength = 0 } = await bucket.request('stat', 0, (options) => bucket.s3.headObject(bucket.place(key), options));
  return ContentLength;
}
