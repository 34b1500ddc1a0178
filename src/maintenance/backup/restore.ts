import { join } from 'node:path';
import { loadSnapshot } from '../../../storage/metadata/snapshot/load.ts';
import type { CopyProgress, SnapshotSource } from '../../../storage/metadata/snapshot/snapshot.ts';
import { backupName } from './backup-store.ts';
import { unpackSnapshot } from './snapshot-file.ts';
import { inWorkFolder } from './work-folder.ts';

export interface RestoreOptions {
  /** The file of the backup. */
  readonly bytes: AsyncIterable<Uint8Array>;
  /** A new SQLite file, or an empty PostgreSQL database. */
  readonly target: SnapshotSource;
  readonly passphrase: string | undefined;
  /** Folder for temporary files, which need as much space as the metadata. */
  readonly workDirectory: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly onTable: (progress: CopyProgress) => void;
}

export interface RestoredBackup {
  readonly name: string;
  /** When the backup began, in milliseconds since 1970: the rows are those of this moment. */
  readonly beganAt: number;
}

/**
 * Brings the rows of a backup into an empty metadata store, in one transaction, after the whole file was verified. Garbage
 * collection is blocked from then on, until the rows are compared with the blob store (`finishRestore`). Rejects `DamagedBackup`,
 * `not_empty`, `newer_schema`: then the target has no rows.
 */
export function restoreBackup(options: RestoreOptions): Promise<RestoredBackup> {
  const { bytes, target, passphrase, workDirectory, now, onTable } = options;
  return inWorkFolder(workDirectory, async (folder) => {
    const snapshot = join(folder, 'snapshot.sqlite');
    const { beganAt } = await unpackSnapshot(bytes, snapshot, passphrase);
    const name = backupName(beganAt);
    await loadSnapshot({ snapshot, target, name, now: now(), onProgress: onTable });
    return { name, beganAt };
  });
}
