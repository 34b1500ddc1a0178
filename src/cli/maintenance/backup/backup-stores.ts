import { createReadStream, existsSync } from 'node:fs';
import type { Config } from '../../../../config/schema.ts';
import type { BlobDriver } from '../../../../storage/blobs/driver.ts';
import { assembleBackups, openBackupStore } from '../../../assembly/backups.ts';
import { openBlobStore } from '../../../assembly/blob-store.ts';
import { openMetadata } from '../../../assembly/metadata-store.ts';
import { createLeases } from '../../../coordination/leases.ts';
import { type BackupStore, requireName } from '../../../maintenance/backup/backup-store.ts';
import { BackupRunning } from '../../../maintenance/backup/backups.ts';
import { locateMetadata } from '../../accounts/admin-command.ts';
import { CommandError, type Invocation } from '../../program/command.ts';

/** The stores of a command that works without the metadata store, which may be lost. */
export interface BackupStores {
  readonly config: Config;
  readonly driver: BlobDriver;
  readonly backups: BackupStore;
}

/** Opens the stores for `work` and closes them. */
export async function withBackupStores<Result>(config: Config, work: (stores: BackupStores) => Promise<Result>): Promise<Result> {
  const driver = await openBlobStore(config.storage.blobs);
  const { store: backups, close } = await openBackupStore(config, driver);
  try {
    return await work({ config, driver, backups });
  } finally {
    await close();
    await driver.close();
  }
}

/** Opens the service that makes and deletes backups, also beside a running server. Throws `CommandError` while a backup runs. */
export async function withBackups<Result>(
  invocation: Invocation,
  work: (backups: ReturnType<typeof assembleBackups>) => Promise<Result>,
): Promise<Result> {
  const config = invocation.config();
  invocation.warn(`using the data in ${locateMetadata(config)}`);
  return withBackupStores(config, async ({ backups }) => {
    const metadata = await openMetadata(config);
    try {
      const leases = createLeases({ metadata, now: Date.now });
      return await work(assembleBackups(config, backups, { metadata, leases, now: Date.now }));
    } catch (error) {
      throw error instanceof BackupRunning ? new CommandError(error.message) : error;
    } finally {
      await metadata.close();
    }
  });
}

/** Opens the file of a backup: a path, a name, or the newest one. */
export async function openBackup(backups: BackupStore, backup: string): Promise<AsyncIterable<Uint8Array>> {
  if (backup === 'latest') {
    const [newest] = await backups.list();
    if (!newest) throw new CommandError(`there is no backup in ${backups.place}`);
    return backups.read(newest.name);
  }
  if (existsSync(backup)) return createReadStream(backup);
  return backups.read(requireName(backup));
}
