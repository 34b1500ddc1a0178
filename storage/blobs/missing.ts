import { type BlobDriver, type ObjectKey, type OpenObject, StorageError } from './driver.ts';

/** Resolves to undefined if `work` rejects `not_found`. */
export async function unlessMissing<Result>(work: Promise<Result>): Promise<Result | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof StorageError && error.code === 'not_found') return undefined;
    throw error;
  }
}

/** Writes content to its key. Replaces an object with other bytes, which is damaged. */
export async function putContent(driver: BlobDriver, key: ObjectKey, bytes: Uint8Array): Promise<void> {
  try {
    await driver.put(key, bytes, { ifAbsent: true });
  } catch (error) {
    if (!(error instanceof StorageError && error.code === 'already_exists')) throw error;
    if (!(await hasBytes(driver, key, bytes))) await driver.put(key, bytes);
  }
}

async function hasBytes(driver: BlobDriver, key: ObjectKey, bytes: Uint8Array): Promise<boolean> {
  const object = await unlessMissing(driver.read(key));
  if (!object) return false;
  try {
    return object.sizeBytes === bytes.length && Buffer.compare(await readAll(object), bytes) === 0;
  } finally {
    await object.close();
  }
}

/** Reads the range of a small object into a buffer. The caller closes the object. Rejects `unavailable` if bytes are missing. */
export async function readAll(object: OpenObject): Promise<Buffer> {
  // Not from Node's pool: a cached slice would keep all 8 KiB of the pool in memory.
  const bytes = Buffer.allocUnsafeSlow(object.range.last - object.range.first + 1);
  let length = 0;
  for await (const chunk of object.stream()) {
    bytes.set(chunk, length);
    length += chunk.length;
  }
  if (length < bytes.length) throw new StorageError('unavailable', `read: only ${length} of ${bytes.length} bytes arrived`);
  return bytes;
}
