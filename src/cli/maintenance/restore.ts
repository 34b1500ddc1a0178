import { createReadStream, existsSync } from 'node:fs';
import type { Config } from '../../../config/schema.ts';
import type { BlobDriver } from '../../../storage/blobs/driver.ts';
import { openBlobStore } from '../../assembly/blob-store.ts';
import { ownData } from '../../assembly/data-owner.ts';
import { openBackupStore, snapshotFolder, snapshotSource } from '../../assembly/backups.ts';
import { openMetadata } from '../../assembly/metadata-store.ts';
import { type BackupStore, requireName } from '../../maintenance/backup/backup-store.ts';
import type { StoreComparison } from '../../maintenance/backup/compare-store.ts';
import { type DrillReport, drill } from '../../maintenance/backup/drill.ts';
import { finishRestore } from '../../maintenance/backup/finish-restore.ts';
import { type RestoredBackup, restoreBackup } from '../../maintenance/backup/restore.ts';
import { CommandError, type Invocation, UsageError } from '../program/command.ts';
import { asksForJson, printRecords, printValue, time } from '../program/output.ts';
import { inUnits } from '../program/progress.ts';

interface Stores {
  readonly config: Config;
  readonly driver: BlobDriver;
  readonly backups: BackupStore;
}

async function withStores<Result>(config: Config, work: (stores: Stores) => Promise<Result>): Promise<Result> {
  const driver = await openBlobStore(config.storage.blobs);
  const { store, close } = await openBackupStore(config, driver);
  try {
    return await work({ config, driver, backups: store });
  } finally {
    await close();
    await driver.close();
  }
}

const usage = 'usage: berth restore BACKUP|latest, or berth restore --finish';

/** `berth restore` */
export async function restore(invocation: Invocation): Promise<void> {
  const { options, operands } = invocation;
  const finishes = options['finish'] === true;
  const [backup] = operands;
  if (finishes === (backup !== undefined)) throw new UsageError(`name a backup\n${usage}`);
  const config = invocation.config();
  const lock = ownData(config);
  try {
    await withStores(config, async (stores) => {
      const restored = backup === undefined ? undefined : await load(invocation, stores, backup);
      report(invocation, restored, await finish(invocation, stores));
    });
  } finally {
    lock.release();
  }
}

/** Opens the file of a backup: a path, a name, or the newest one. */
async function openBackup(backups: BackupStore, backup: string): Promise<AsyncIterable<Uint8Array>> {
  if (backup === 'latest') {
    const [newest] = await backups.list();
    if (!newest) throw new CommandError(`there is no backup in ${backups.place}`);
    return backups.read(newest.name);
  }
  if (existsSync(backup)) return createReadStream(backup);
  return backups.read(requireName(backup));
}

async function load(invocation: Invocation, { config, backups }: Stores, backup: string): Promise<RestoredBackup> {
  return restoreBackup({
    bytes: await openBackup(backups, backup),
    target: snapshotSource(config),
    passphrase: config.backup.passphrase,
    workDirectory: snapshotFolder(config),
    now: Date.now,
    onTable: ({ table, rows }) => invocation.warn(`${table}: ${rows}`),
  });
}

async function finish(invocation: Invocation, { config, driver, backups }: Stores): Promise<StoreComparison> {
  const metadata = await openMetadata(config);
  try {
    return await finishRestore({
      ...{ driver, metadata, store: backups, now: Date.now },
      onMissing: (digest) => invocation.warn(`${digest} is missing in the blob store`),
      onProgress: (compared) => invocation.warn(`${compared} blobs and manifests are compared`),
    });
  } finally {
    await metadata.close();
  }
}

function report(invocation: Invocation, restored: RestoredBackup | undefined, comparison: StoreComparison): void {
  const { name = null, beganAt = null } = restored ?? {};
  printValue(invocation, describe(comparison), { backup: name, beganAt: time(beganAt), ...comparison });
  invocation.warn(name === null ? 'the restore is complete' : `${name} is restored: start berth`);
}

function describe({ recorded, missing, missingBytes, unrecorded, unrecordedBytes }: StoreComparison): string {
  return (
    `${recorded} blobs and manifests are recorded, ${missing} of them are missing (${inUnits(missingBytes)}); ` +
    `${unrecorded} in the store have no record (${inUnits(unrecordedBytes)})`
  );
}

const imageColumns = { IMAGE: 'image', MANIFESTS: 'manifests', BLOBS: 'blobs', BYTES: 'bytes', ERROR: 'error' } as const;
const defaultSample = '5';

/** `berth backup drill` */
export async function drillBackup(invocation: Invocation): Promise<void> {
  const { sample = defaultSample } = invocation.options;
  if (!/^[1-9]\d{0,3}$/.test(String(sample))) throw new UsageError('--sample must be a number from 1 to 9999');
  const result = await withStores(invocation.config(), async ({ config, driver, backups }) =>
    drill({
      driver,
      bytes: await openBackup(backups, invocation.operands[0] ?? 'latest'),
      passphrase: config.backup.passphrase,
      workDirectory: snapshotFolder(config),
      now: Date.now,
      sample: Number(sample),
      onImage: ({ image, error }) => invocation.warn(error === null ? `pulled ${image}` : `cannot pull ${image}: ${error}`),
    }),
  );
  printDrill(invocation, result);
  const failed = result.images.filter(({ error }) => error !== null).length;
  if (failed > 0 || result.comparison.missing > 0)
    throw new CommandError(
      `${result.name} does not restore whole: ${failed} images fail, ${result.comparison.missing} blobs are missing`,
    );
}

function printDrill(invocation: Invocation, { name, beganAt, comparison, images }: DrillReport): void {
  if (asksForJson(invocation)) {
    printValue(invocation, '', { backup: name, beganAt: time(beganAt), ...comparison, images });
    return;
  }
  printRecords(invocation, imageColumns, images);
  invocation.print(describe(comparison));
}
