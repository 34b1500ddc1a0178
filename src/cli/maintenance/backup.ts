import type { Config } from '../../../config/schema.ts';
import { openBlobStore } from '../../assembly/blob-store.ts';
import { assembleBackups, openBackupStore } from '../../assembly/backups.ts';
import { openMetadata } from '../../assembly/metadata-store.ts';
import { createLeases } from '../../coordination/leases.ts';
import { type BackupStore, type StoredBackup, requireName } from '../../maintenance/backup/backup-store.ts';
import { BackupRunning } from '../../maintenance/backup/backups.ts';
import { locateMetadata } from '../accounts/admin-command.ts';
import { CommandError, type Invocation } from '../program/command.ts';
import { asksForJson, printRecords, printValue, time } from '../program/output.ts';
import { createDataProgress, inUnits } from '../program/progress.ts';

const columns = { NAME: 'name', BEGAN: 'beganAt', SIZE: 'sizeBytes' } as const;

/** Opens the store of backups alone: it can be read when the metadata are lost. */
export async function withBackupStore<Result>(config: Config, work: (store: BackupStore) => Promise<Result>): Promise<Result> {
  const driver = await openBlobStore(config.storage.blobs);
  const opened = await openBackupStore(config, driver);
  try {
    return await work(opened.store);
  } finally {
    await opened.close();
    await driver.close();
  }
}

/** `berth backup list` */
export async function listBackups(invocation: Invocation): Promise<void> {
  await withBackupStore(invocation.config(), async (store) => {
    invocation.warn(`backups in ${store.place}`);
    const found = await store.list();
    const sizeOf = asksForJson(invocation) ? (bytes: number) => bytes : inUnits;
    printRecords(
      invocation,
      columns,
      found.map(({ name, beganAt, sizeBytes }) => ({ name, beganAt: time(beganAt), sizeBytes: sizeOf(sizeBytes) })),
    );
  });
}

/** `berth backup create`: also beside a running server. */
export async function createBackup(invocation: Invocation): Promise<void> {
  const { name, beganAt, sizeBytes } = await withBackups(invocation, async (backups) => {
    const stopping = new AbortController();
    void invocation.onSignal().then((signal) => stopping.abort(new CommandError(`${signal}: no backup was made`)));
    const bar = createDataProgress('backup', invocation);
    const { done } = await backups.begin({
      onTable: ({ table, rows }) => invocation.warn(`${table}: ${rows}`),
      onPart: (part) => bar.show(part, ''),
      signal: stopping.signal,
    });
    return done.finally(bar.end);
  });
  const record: Record<keyof StoredBackup, unknown> = { name, beganAt: time(beganAt), sizeBytes };
  printValue(invocation, `${name}: ${inUnits(sizeBytes)}`, record);
}

/** `berth backup delete` */
export async function deleteBackup(invocation: Invocation): Promise<void> {
  const name = requireName(invocation.operands[0] ?? '');
  await withBackups(invocation, (backups) => backups.remove(name));
  printValue(invocation, `${name} is deleted`, { name, deleted: true });
}

async function withBackups<Result>(
  invocation: Invocation,
  work: (backups: ReturnType<typeof assembleBackups>) => Promise<Result>,
): Promise<Result> {
  const config = invocation.config();
  invocation.warn(`using the data in ${locateMetadata(config)}`);
  return withBackupStore(config, async (store) => {
    const metadata = await openMetadata(config);
    try {
      const leases = createLeases({ metadata, now: Date.now });
      return await work(assembleBackups(config, store, { metadata, leases, now: Date.now }));
    } catch (error) {
      throw error instanceof BackupRunning ? new CommandError(error.message) : error;
    } finally {
      await metadata.close();
    }
  });
}
