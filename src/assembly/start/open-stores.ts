import type { Config } from '../../../config/schema.ts';
import type { BlobDriver } from '../../../storage/blobs/driver.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { Log } from '../../observability/log.ts';
import { openBlobStore } from '../blob-store.ts';
import { metadataFile, openMetadata } from '../metadata-store.ts';
import { type StoreObservers, watchedBlobs, watchedMetadata, watchedRequests } from '../observability/watched-stores.ts';
import { refuseLostMetadata } from './lost-metadata.ts';
import { warnOfOtherRegistry } from './other-registry.ts';
import { makePrivate } from './private-files.ts';

/** The stores of a server. */
export interface OpenStores {
  readonly driver: BlobDriver;
  readonly metadata: MetadataStore;
  /** True if another registry uses the blob store, too. */
  readonly hasOtherRegistry: boolean;
}

/**
 * Opens the stores of a server, with the checks of its start. `observers` watch their calls. Rejects if the metadata of existing
 * content is lost.
 */
export async function openStores(config: Config, log: Log, observers: StoreObservers): Promise<OpenStores> {
  const driver = watchedBlobs(await openBlobStore(config.storage.blobs, watchedRequests(observers)), observers);
  const hasOtherRegistry = await warnOfOtherRegistry(driver, log);
  if (config.storage.metadata.driver === 'sqlite' && !hasOtherRegistry) await refuseLostMetadata(metadataFile(config), driver);
  const metadata = await watchedMetadata(await openMetadata(config, { remembersReads: true }), observers);
  for (const exposed of await makePrivate(config.storage.blobs.directory, metadataFile(config)))
    log.warn(exposed, 'other users of this machine can open data of berth');
  return { driver, metadata, hasOtherRegistry };
}
