import type { BlobDriver } from '../../../storage/blobs/driver.ts';
import type { Log } from '../../observability/log.ts';

/** Where registry:2 and registry:3 keep repositories. berth keeps its own in the metadata store. */
const repositories = 'docker/registry/v2/repositories/';

/**
 * Warns if the blob store holds repositories of Distribution's registry: berth would show an empty catalogue without a word.
 * Resolves to true if it does.
 */
export async function warnOfOtherRegistry(driver: BlobDriver, log: Pick<Log, 'warn'>): Promise<boolean> {
  for await (const key of driver.list(repositories)) {
    log.warn(
      { found: key },
      'the storage holds repositories of registry:2, which this version cannot take over and does not show: leave registry:2 ' +
        'running on it and copy its images with skopeo or crane, with another storage.blobs.directory or bucket for berth',
    );
    return true;
  }
  return false;
}
