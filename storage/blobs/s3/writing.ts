import { retry } from '../../back-off.ts';
import type { StorageError } from '../driver.ts';
import type { Bucket } from './bucket.ts';

/** Writes an object in one request: atomic and durable. */
export async function putObject(bucket: Bucket, key: string, bytes: Uint8Array, condition?: { IfNoneMatch: '*' }): Promise<void> {
  const object = { ...bucket.place(key), ...bucket.encryption, ...bucket.storageClass, ...condition, Body: bytes };
  await bucket.request('put', bytes.length, (options) => bucket.s3.putObject(object, options));
}

/** Another client writes the same key: which of the two writes succeeds is known some milliseconds later. */
const retries = { isRetryable: isConflict, pauses: { first: 50, longest: 200 }, maxTries: 6 };

/** Writes an object unless the key has one. Rejects `already_exists`. */
export function putObjectIfAbsent(bucket: Bucket, key: string, bytes: Uint8Array): Promise<void> {
  return retry(() => putObject(bucket, key, bytes, { IfNoneMatch: '*' }), retries);
}

/** AWS: "a conflicting operation occurs during the upload". The SDK does not try this again. */
function isConflict(error: unknown): boolean {
  return ((error as StorageError).cause as Error | undefined)?.name === 'ConditionalRequestConflict';
}

/** Returns the size of an object in bytes. Rejects `not_found`. */
export async function objectSize(bucket: Bucket, key: string): Promise<number> {
  const { ContentLength = 0 } = await bucket.request('stat', 0, (options) => bucket.s3.headObject(bucket.place(key), options));
  return ContentLength;
}
