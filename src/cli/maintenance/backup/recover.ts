import { openMetadata } from '../../../assembly/metadata-store.ts';
import { type RecoveredManifest, recoverBlobs } from '../../../maintenance/backup/recover-blobs.ts';
import type { Invocation } from '../../program/command.ts';
import { printRecords } from '../../program/output.ts';
import type { BackupStores } from './backup-stores.ts';
import { stopSignal } from './finish.ts';

/** Blobs between two lines of progress. */
const blobsOfLine = 1000;

const manifestColumns = {
  DIGEST: 'digest',
  REPOSITORY: 'repository',
  TAG: 'tag',
  TYPE: 'mediaType',
  MISSING: 'missing',
} as const;

/** Records the manifests that are found among the blobs, below `recovered/`. */
export async function recoverFromBlobs(invocation: Invocation, { config, driver }: BackupStores): Promise<void> {
  const metadata = await openMetadata(config);
  const manifests: RecoveredManifest[] = [];
  let shown = 0;
  try {
    await recoverBlobs({
      driver,
      metadata,
      now: Date.now,
      maxManifestBytes: config.manifests.maxSize,
      signal: stopSignal(invocation),
      onManifest: (manifest) => manifests.push(manifest),
      onProgress: (blobs) => {
        if (blobs - shown < blobsOfLine) return;
        shown = blobs;
        invocation.warn(`${blobs} blobs are looked at, ${manifests.length} manifests found`);
      },
    });
  } finally {
    await metadata.close();
  }
  printRecords(invocation, manifestColumns, manifests);
  invocation.warn('nothing is deleted until you have sorted these images: then stop berth and run berth restore --finish');
}
