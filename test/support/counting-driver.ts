import type { BlobDriver, ObjectKey } from '../../storage/blobs/driver.ts';
import { stat } from 'node:fs/promises';

/** A driver of files in front of `inner` that knows at each moment how many bytes its objects have, at the most. */
export interface CountingDriver {
  readonly driver: BlobDriver;
  /** The most that there have been at once. */
  readonly greatestBytes: number;
}

export function createCountingDriver(inner: BlobDriver): CountingDriver {
  const sizes = new Map<ObjectKey, number>();
  let greatestBytes = 0;

  function put(key: ObjectKey, sizeBytes: number): void {
    sizes.set(key, sizeBytes);
    greatestBytes = Math.max(
      greatestBytes,
      [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0),
    );
  }

  return {
    driver: {
      ...inner,
      async put(key, bytes, options) {
        put(key, bytes.length);
        await inner.put(key, bytes, options);
      },
      async adoptFile(path, to) {
        put(to, (await stat(path)).size);
        await inner.adoptFile?.(path, to);
      },
      async move(from, to) {
        await inner.move(from, to);
        const sizeBytes = sizes.get(from);
        sizes.delete(from);
        if (sizeBytes !== undefined) put(to, sizeBytes);
      },
      async delete(keys) {
        const failed = await inner.delete(keys);
        for (const key of keys) sizes.delete(key);
        return failed;
      },
    },
    get greatestBytes() {
      return greatestBytes;
    },
  };
}
