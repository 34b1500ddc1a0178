import { createReadStream, existsSync } from 'node:fs';
import type { Config } from '../../../config/schema.ts';
import type { BlobDriver } from '../../../storage/blobs/driver.ts';
import { openBlobStore } from '../../assembly/blob-store.ts';
import { ownData } from '../../assembly/data-owner.ts';
import { openBackupStore, snapshotFolder, snapshotSource } from '../../assembly/backups.ts';
import { openMetadata } from '../../assembly/metadata-store.ts';
import { type BackupStore, requireName } from '../../maintenance/backup/backup-store.ts';
import { CannotAdopt } from '../../maintenance/adopt/parts.ts';
import type { MissingContent, StoreComparison } from '../../maintenance/backup/comparison.ts';
import { type DrillReport, drill } from '../../maintenance/backup/drill.ts';
import { type FinishedRestore, finishRestore } from '../../maintenance/backup/finish-restore.ts';
import { type RecoveredManifest, recoverBlobs } from '../../maintenance/backup/recover-blobs.ts';
import { beginFromLinks } from '../../maintenance/backup/return-links.ts';
import { type RestoredBackup, restoreBackup } from '../../maintenance/backup/restore.ts';
import { CommandError, type Invocation, UsageError } from '../program/command.ts';
import { asksForJson, printRecords, printValue, time } from '../program/output.ts';
import { createDataProgress, inUnits } from '../program/progress.ts';

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

const usage = 'usage: berth restore BACKUP|latest, or berth restore --from-links, --from-blobs or --finish';

/** `berth restore` */
export async function restore(invocation: Invocation): Promise<void> {
  const { options, operands } = invocation;
  const [backup] = operands;
  const modes = [backup !== undefined, options['fromLinks'], options['fromBlobs'], options['finish']];
  if (modes.filter((mode) => mode === true).length !== 1) throw new UsageError(`name a backup\n${usage}`);
  const config = invocation.config();
  const lock = ownData(config);
  try {
    await withStores(config, async (stores) => {
      if (options['fromBlobs'] === true) return recoverFromBlobs(invocation, stores);
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
    onTable({ table, rows }) {
      if (rows > 0) invocation.warn(`${table}: ${rows}`);
    },
  });
}

/** Aborts when the process shall end: the same command, or `--finish`, goes on. */
function stopSignal(invocation: Invocation): AbortSignal {
  const stopping = new AbortController();
  void invocation
    .onSignal()
    .then((signal) => stopping.abort(new CommandError(`${signal}: stopped; berth restore --finish continues`)));
  return stopping.signal;
}

async function finish(invocation: Invocation, { config, driver, backups }: Stores): Promise<FinishedRestore> {
  const metadata = await openMetadata(config);
  const links = createDataProgress('links', invocation);
  const compared = createDataProgress('compared', invocation);
  try {
    const fromLinks = invocation.options['fromLinks'] === true;
    if (fromLinks) await beginFromLinks({ driver, metadata, now: Date.now });
    return await finishRestore({
      driver,
      metadata,
      store: backups,
      now: Date.now,
      maxManifestBytes: config.manifests.maxSize,
      writesLinks: config.storage.blobs.links === 'behind',
      hasRows: !fromLinks,
      signal: stopSignal(invocation),
      onLinks: ({ part, entries }) => links.show(part, `${entries} files`),
      onMissing: (missing) => invocation.warn(describeMissing(missing)),
      onProgress: (part, objects) => compared.show(part, `${objects} objects`),
    });
  } catch (error) {
    throw error instanceof CannotAdopt ? new CommandError(error.message) : error;
  } finally {
    links.end();
    compared.end();
    await metadata.close();
  }
}

function describeMissing({ digest, images }: MissingContent): string {
  const names = images.map(
    (image) => `${image.repository}${image.tags.length > 0 ? `:${image.tags.join(', ')}` : `@${image.digest}`}`,
  );
  return `${digest} is missing in the blob store: push ${names.join(' and ') || 'what needs it'} again`;
}

function report(invocation: Invocation, restored: RestoredBackup | undefined, finished: FinishedRestore): void {
  const { name = null, beganAt = null } = restored ?? {};
  printValue(invocation, describe(finished), { backup: name, beganAt: time(beganAt), ...finished });
  if (!finished.fromLinks && name !== null)
    invocation.warn('the store has no links of berth: tags that were pushed after the backup are not back');
  invocation.warn(name === null ? 'the restore is complete: start berth' : `${name} is restored: start berth`);
}

/** Blobs between two lines of progress. */
const blobsOfLine = 1000;

const manifestColumns = {
  DIGEST: 'digest',
  REPOSITORY: 'repository',
  TAG: 'tag',
  TYPE: 'mediaType',
  MISSING: 'missing',
} as const;

async function recoverFromBlobs(invocation: Invocation, { config, driver }: Stores): Promise<void> {
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
