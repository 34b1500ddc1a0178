import { linksMarker, repositoriesPrefix } from '../../../storage/blobs/distribution-links.ts';
import type { BlobDriver } from '../../../storage/blobs/driver.ts';
import { unlessMissing } from '../../../storage/blobs/missing.ts';
import type { Log } from '../../observability/log.ts';

/**
 * Warns if the blob store holds repositories of Distribution's registry: berth would show an empty catalogue without a word.
 * Resolves to true if it does. Links that berth has written are its own.
 */
export async function warnOfOtherRegistry(driver: BlobDriver, log: Pick<Log, 'warn'>): Promise<boolean> {
  for await (const key of driver.list(repositoriesPrefix)) {
    if (await unlessMissing(driver.stat(linksMarker))) return false;
    log.warn(
      { found: key },
      'the storage holds repositories of registry:2, which this version cannot take over and does not show: leave registry:2 ' +
        'running on it and copy its images with skopeo or crane, with another storage.blobs.directory or bucket for berth',
    );
    return true;
  }
  return false;
}
