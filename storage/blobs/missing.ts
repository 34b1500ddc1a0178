import { type BlobDriver, type ObjectKey, StorageError } from './driver.ts';

/** Undefined where the work rejects `not_found`. */
export async function unlessMissing<Result>(work: Promise<Result>): Promise<Result | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof StorageError && error.code === 'not_found') return undefined;
    throw error;
  }
}

/** Puts the object unless it is there: content-addressed keys hold equal bytes. */
export async function putIfMissing(driver: BlobDriver, key: ObjectKey, bytes: Uint8Array): Promise<void> {
  try {
    await driver.put(key, bytes, { ifAbsent: true });
  } catch (error) {
    if (!(error instanceof StorageError && error.code === 'already_exists')) throw error;
  }
}
