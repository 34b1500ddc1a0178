import { setTimeout as pause } from 'node:timers/promises';
import type { StorageError } from '../driver.ts';
import type { Bucket } from './bucket.ts';

/** Writes an object in one request: atomic and durable. */
export async function putObject(bucket: Bucket, key: string, bytes: Uint8Array, condition?: { IfNoneMatch: '*' }): Promise<void> {
  const object = { ...bucket.place(key), ...bucket.encryption, ...bucket.storageClass, ...condition, Body: bytes };
  await bucket.request('put', bytes.length, (options) => bucket.s3.putObject(object, options));
}

/** Others may be writing the same key: who of them comes through is known a moment later. */
const maxConflicts = 5;
const conflictMilliseconds = 100;

/** The same where there is no such object yet. Rejects `already_exists`. */
export async function putObjectIfAbsent(bucket: Bucket, key: string, bytes: Uint8Array): Promise<void> {
  for (let conflicts = 0; ; conflicts++) {
    try {
      await putObject(bucket, key, bytes, { IfNoneMatch: '*' });
      return;
    } catch (error) {
      if (!isConflict(error) || conflicts === maxConflicts) throw error;
      await pause(conflictMilliseconds * (0.5 + Math.random()));
    }
  }
}

/** AWS: "a conflicting operation occurs during the upload". The SDK does not try this again. */
function isConflict(error: unknown): boolean {
  return ((error as StorageError).cause as Error | undefined)?.name === 'ConditionalRequestConflict';
}

/** Size in bytes. Rejects `not_found`. */
export async function objectSize(bucket: Bucket, key: string): Promise<number> {
  const { ContentLength = 0 } = await bucket.request('stat', 0, (options) => bucket.s3.headObject(bucket.place(key), options));
  return ContentLength;
}
