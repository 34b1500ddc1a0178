import { statfs } from 'node:fs/promises';
import type { Config } from '../../../config/schema.ts';
import type { MeasureDisk } from '../../mirror/cache/disk-limit.ts';

/** Returns a function that measures the file system of the blobs; a bucket has none. */
export function diskOfBlobs({ storage }: Pick<Config, 'storage'>): MeasureDisk {
  return storage.blobs.driver === 'filesystem' ? diskOf(storage.blobs.directory) : () => Promise.resolve(undefined);
}

/** Returns a function that measures the file system of the folder. */
export function diskOf(directory: string): MeasureDisk {
  return async () => {
    const space = await statfs(directory).catch(() => undefined);
    return space && { freeBytes: space.bavail * space.bsize, totalBytes: space.blocks * space.bsize };
  };
}
