import { setImmediate as yieldToOthers } from 'node:timers/promises';
import type { BlobDriver, ObjectKey } from '../../../storage/blobs/driver.ts';
import { indexedDigest, indexesPrefix } from '../../../storage/blobs/layout.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';

export interface SweepOptions {
  readonly driver: BlobDriver;
  readonly metadata: Pick<MetadataStore, 'blobs'>;
}

/** Keys that are deleted in one request. */
const batchKeys = 500;

/**
 * Deletes indexes whose blobs are gone, and those of former formats. The trash and the collector delete an index with its
 * blob; this finds the rest: one that was written at the same moment, or by a process that died. Resolves to the number
 * deleted.
 */
export async function sweepIndexes({ driver, metadata }: SweepOptions, signal?: AbortSignal): Promise<number> {
  let deleted = 0;
  let unneeded: ObjectKey[] = [];
  async function flush(): Promise<void> {
    if (unneeded.length === 0) return;
    const failed = await driver.delete(unneeded);
    deleted += unneeded.length - failed.size;
    unneeded = [];
  }
  for await (const key of driver.list(indexesPrefix)) {
    if (signal?.aborted) break;
    const digest = indexedDigest(key);
    if (digest && (await metadata.blobs.isRecorded(digest))) continue;
    unneeded.push(key);
    if (unneeded.length >= batchKeys) await flush();
    await yieldToOthers();
  }
  await flush();
  return deleted;
}
