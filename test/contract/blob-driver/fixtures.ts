import { randomBytes } from 'node:crypto';
import { type BlobDriver, type ObjectKey, StorageError, objectKey } from '../../../storage/blobs/driver.ts';

/** An empty store. `reopen` gives another driver over the same store, as another process would. */
export interface Store {
  readonly driver: BlobDriver;
  reopen(): Promise<BlobDriver>;
  dispose(): Promise<void>;
}

/** The store of the running test, another one for each test. */
export interface CurrentStore {
  readonly store: Store;
  readonly driver: BlobDriver;
  /** Keys that the test leaves on purpose. */
  left: string[];
}

/** Keys that the tests share. */
export const a = objectKey('a');
export const b = objectKey('deep/er/b');

/** Content that the tests share. */
export const bytes = randomBytes(3_000_000);

export async function* chunked(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(Uint8Array.from(bytes.subarray(at, at + size)));
}

export async function contentOf(driver: BlobDriver, key: ObjectKey, range?: { first: number; last: number }): Promise<Buffer> {
  const object = await driver.read(key, range);
  const chunks: Buffer[] = [];
  for await (const chunk of object.stream()) chunks.push(Buffer.from(chunk));
  await object.close();
  return Buffer.concat(chunks);
}

export async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = [];
  for await (const item of items) found.push(item);
  return found;
}

export const code = (promise: Promise<unknown>) =>
  promise.then(
    () => 'resolved',
    (error: unknown) => (error instanceof StorageError ? error.code : error),
  );
