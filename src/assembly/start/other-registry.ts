import { linksMarker, repositoriesPrefix } from '../../../storage/blobs/distribution-links.ts';
import type { BlobDriver } from '../../../storage/blobs/driver.ts';
import { unlessMissing } from '../../../storage/blobs/missing.ts';
import type { Log } from '../../observability/log.ts';

/**
 * Warns if the blob store holds repositories of Distribution's registry that berth has not taken over.
 * Resolves to true if it does. Links that berth has written are its own.
 */
export async function warnOfOtherRegistry(driver: BlobDriver, log: Pick<Log, 'warn'>): Promise<boolean> {
  for await (const key of driver.list(repositoriesPrefix)) {
    if (await unlessMissing(driver.stat(linksMarker))) return false;
    log.warn(
      { found: key },
      'the storage holds repositories of registry:2: run berth adopt to take them over in place; after berth adopt --finish ' +
        'restart berth',
    );
    return true;
  }
  return false;
}
