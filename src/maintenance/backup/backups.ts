import { join } from 'node:path';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { type CopyProgress, type SnapshotSource, writeSnapshot } from '../../../storage/metadata/snapshot/snapshot.ts';
import type { Leases } from '../../coordination/leases.ts';
import { type BackupStore, type StoredBackup, backupName } from './backup-store.ts';
import { type OnPart, packSnapshot } from './snapshot-file.ts';
import { inWorkFolder } from './work-folder.ts';

/** Backups of the metadata: rows as of one moment, which a restore brings back. */
export interface Backups {
  /**
   * Begins a backup. `done` resolves when it is stored, and when the oldest ones beyond the number to keep are deleted. Rejects
   * `BackupRunning` while any process makes one.
   */
  begin(options?: CreateOptions): Promise<{ readonly name: string; readonly done: Promise<StoredBackup> }>;
  /** Lists complete backups, newest first. */
  list(): Promise<readonly StoredBackup[]>;
  /** Deletes the backup. Blobs that only this backup needs can be purged from then on. */
  remove(name: string): Promise<void>;
  /** Returns when the newest complete backup began, in milliseconds since 1970; undefined: there is none. */
  newestBeganAt(): Promise<number | undefined>;
}

export interface CreateOptions {
  /** Called for each table that was copied from PostgreSQL. */
  readonly onTable?: (progress: CopyProgress) => void;
  /** Called while the backup is stored. */
  readonly onPart?: OnPart;
  /** Ends the backup. */
  readonly signal?: AbortSignal;
}

export class BackupRunning extends Error {
  override readonly name = 'BackupRunning';
  readonly code = 'backup_running';
}

export interface BackupsOptions {
  readonly store: BackupStore;
  readonly source: SnapshotSource;
  readonly metadata: Pick<MetadataStore, 'backups'>;
  readonly leases: Leases;
  /** Number of backups that are kept. */
  readonly keep: number;
  readonly passphrase: string | undefined;
  /** Folder for temporary files, which need as much space as the metadata. */
  readonly workDirectory: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export function createBackups(options: BackupsOptions): Backups {
  const { store, source, metadata, leases, keep, passphrase, now } = options;

  async function create(name: string, beganAt: number, { onTable, onPart, signal }: CreateOptions): Promise<StoredBackup> {
    try {
      const sizeBytes = await inWorkFolder(options.workDirectory, async (folder) => {
        const file = join(folder, 'snapshot.sqlite');
        await writeSnapshot(source, file, onTable ?? (() => undefined), signal);
        return store.write(name, untilAborted(packSnapshot(file, beganAt, passphrase, onPart), signal));
      });
      await metadata.backups.finish(name, beganAt, now());
      await removeOld();
      return { name, beganAt, sizeBytes };
    } catch (error) {
      // The next backup forgets it if the store cannot be reached.
      await metadata.backups.removeUnfinished(name).catch(() => undefined);
      throw error;
    }
  }

  async function removeOld(): Promise<void> {
    for (const { name } of (await store.list()).slice(keep)) await remove(name);
  }

  async function remove(name: string): Promise<void> {
    await store.remove(name);
    await metadata.backups.remove(name);
  }

  return {
    async begin(creation = {}) {
      const lease = await leases.take('backup');
      if (!lease) throw new BackupRunning('another backup is running: wait until it ends');
      try {
        const beganAt = now();
        const name = backupName(beganAt);
        await metadata.backups.begin(name, beganAt);
        return { name, done: create(name, beganAt, creation).finally(lease.release) };
      } catch (error) {
        await lease.release();
        throw error;
      }
    },
    list: store.list,
    remove,
    newestBeganAt: async () => (await metadata.backups.findNewest())?.beganAt,
  };
}

/** Ends with the reason of the signal once it is aborted. */
async function* untilAborted(bytes: AsyncIterable<Buffer>, signal: AbortSignal | undefined): AsyncGenerator<Buffer> {
  for await (const chunk of bytes) {
    signal?.throwIfAborted();
    yield chunk;
  }
}
