import { loadConfig } from '../../config/load.ts';
import { openBlobStore } from '../../src/assembly/blob-store.ts';
import { openMetadata } from '../../src/assembly/metadata-store.ts';
import { createUsageCounter } from '../../src/maintenance/usage/usage-counter.ts';
import { blobsPrefix } from '../../storage/blobs/layout.ts';

interface Started {
  readonly environment: Readonly<Record<string, string>>;
}

/** Counts the sizes of all repositories of a running berth, as its job does every hour. */
export async function countUsage({ environment }: Started): Promise<void> {
  const config = loadConfig({ environment });
  const [driver, metadata] = [await openBlobStore(config.storage.blobs), await openMetadata(config)];
  const state = await metadata.usageCounting.findState();
  await metadata.usageCounting.putState({ ...state, startedAt: null, position: null });
  await createUsageCounter({ driver, metadata, now: Date.now }).run(new AbortController().signal);
  await metadata.close();
  await driver.close();
}

/** Returns the bytes of all blobs and manifests in the blob store. */
export async function storedBytes({ environment }: Started): Promise<number> {
  const driver = await openBlobStore(loadConfig({ environment }).storage.blobs);
  let bytes = 0;
  for await (const entry of driver.listEntries(blobsPrefix)) bytes += entry.sizeBytes;
  await driver.close();
  return bytes;
}
