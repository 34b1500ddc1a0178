import { join, resolve } from 'node:path';
import { ConfigError } from '../../config/config-error.ts';
import { whereSet } from '../../config/load.ts';
import type { Config } from '../../config/schema.ts';
import type { BlobDriver } from '../../storage/blobs/driver.ts';
import type { SnapshotSource } from '../../storage/metadata/snapshot/snapshot.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import type { Leases } from '../coordination/leases.ts';
import { type BackupStore, backupsPrefix, createBackupStore } from '../maintenance/backup/backup-store.ts';
import { type Backups, createBackups } from '../maintenance/backup/backups.ts';
import { parseTimeOfDay } from '../maintenance/retention/time-of-day.ts';
import { isTimeZone } from '../maintenance/retention/time-zone.ts';
import type { Schedule } from '../maintenance/retention/schedule.ts';
import { openBlobStore } from './blob-store.ts';
import { metadataFile } from './metadata-store.ts';

/** The store of backups that the configuration names. */
export interface OpenBackupStore {
  readonly store: BackupStore;
  /** Closes what was opened for backups alone. */
  close(): Promise<void>;
}

/** Opens `backup.directory`, `backup.bucket`, or a place in the blob store. */
export async function openBackupStore(config: Config, driver: BlobDriver): Promise<OpenBackupStore> {
  const { directory, bucket } = config.backup;
  const { blobs } = config.storage;
  if (directory === undefined && bucket === undefined) {
    const place = blobs.driver === 's3' ? `the bucket ${blobs.s3.bucket ?? ''}` : resolve(blobs.directory);
    return { store: createBackupStore(driver, backupsPrefix, `${place}, ${backupsPrefix}`), close: () => Promise.resolve() };
  }
  const own = await openBlobStore(
    directory === undefined
      ? { ...blobs, driver: 's3', s3: { ...blobs.s3, bucket } }
      : { ...blobs, driver: 'filesystem', directory },
  );
  const place = directory === undefined ? `the bucket ${bucket ?? ''}` : resolve(directory);
  return { store: createBackupStore(own, '', place), close: () => own.close() };
}

/** Returns the metadata store of the configuration as the source of a snapshot, or the target of a restore. */
export function snapshotSource({ storage }: Pick<Config, 'storage'>): SnapshotSource {
  const { driver, url } = storage.metadata;
  return driver === 'postgres' && url !== undefined ? { url } : { file: metadataFile({ storage }) };
}

/** Returns the folder for snapshots that are being made or restored. */
export function snapshotFolder({ storage }: Pick<Config, 'storage'>): string {
  return join(storage.blobs.directory, '.berth/snapshots');
}

export interface BackupParts {
  readonly metadata: MetadataStore;
  readonly leases: Leases;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export function assembleBackups(config: Config, store: BackupStore, { metadata, leases, now }: BackupParts): Backups {
  const { keep, passphrase } = config.backup;
  const source = snapshotSource(config);
  return createBackups({ store, source, metadata, leases, keep, passphrase, workDirectory: snapshotFolder(config), now });
}

const longestInterval = 366 * 24 * 3600;

/** Reads `backup.every` and `backup.at`; undefined: no backups are scheduled. Throws `ConfigError` with all errors. */
export function readBackupSchedule(config: Config): Schedule | undefined {
  const { every, at, timezone, directory, bucket } = config.backup;
  const errors: string[] = [];
  const where = (key: string) => whereSet(config, ['backup', key]);
  const minutes = at === undefined ? undefined : parseTimeOfDay(at);
  if (at !== undefined && minutes === undefined)
    errors.push(`backup.at must be a time of day such as 03:00, not ${at}${where('at')}`);
  if (at !== undefined && every !== undefined) errors.push(`backup.at and backup.every exclude each other${where('every')}`);
  if (every !== undefined && (every < 60 || every > longestInterval))
    errors.push(`backup.every must be from 1m to 366d${where('every')}`);
  if (!isTimeZone(timezone))
    errors.push(`backup.timezone: ${timezone} is not a time zone such as Europe/Berlin${where('timezone')}`);
  if (directory !== undefined && bucket !== undefined)
    errors.push(`backup.directory and backup.bucket exclude each other${where('bucket')}`);
  if (bucket !== undefined && config.storage.blobs.driver !== 's3')
    errors.push(`backup.bucket is set, but counts only with storage.blobs.driver s3${where('bucket')}`);
  if (errors.length > 0) throw new ConfigError(errors);
  if (minutes !== undefined) return { kind: 'daily', minutes, timeZone: timezone };
  return every === undefined ? undefined : { kind: 'interval', milliseconds: every * 1000 };
}
