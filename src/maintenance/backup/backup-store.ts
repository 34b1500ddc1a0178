import { randomUUID } from 'node:crypto';
import { type BlobDriver, type ObjectKey, StorageError, objectKey } from '../../../storage/blobs/driver.ts';
import { uploadKey } from '../../../storage/blobs/layout.ts';

/** A complete backup in its store. */
export interface StoredBackup {
  readonly name: string;
  /** When the snapshot of the rows began, in milliseconds since 1970. */
  readonly beganAt: number;
  readonly sizeBytes: number;
}

/** The files of backups, in the blob store or elsewhere. */
export interface BackupStore {
  /** Stores a file, complete and durable once resolved. Resolves to its size in bytes. */
  write(name: string, bytes: AsyncIterable<Uint8Array>): Promise<number>;
  /** Opens a file; rejects `not_found`. The caller reads the stream to its end or ends it. */
  read(name: string): AsyncGenerator<Uint8Array>;
  /** Lists all backups, newest first. */
  list(): Promise<readonly StoredBackup[]>;
  /** Deletes a file. A missing one is a success. */
  remove(name: string): Promise<void>;
  /** Where the files are, for messages. */
  readonly place: string;
}

/** The beginning of the keys of backups that are kept in the blob store. */
export const backupsPrefix = 'backups/';

const namePattern = /^berth-(\d{4}-\d{2}-\d{2}T\d{2})-(\d{2})-(\d{2}\.\d{3}Z)\.backup$/;

/** Returns the name of a backup that began at `beganAt` (milliseconds since 1970). Names sort by time. */
export function backupName(beganAt: number): string {
  return `berth-${new Date(beganAt).toISOString().replaceAll(':', '-')}.backup`;
}

/** Returns when the backup with the name began; undefined if the name is not that of a backup. */
export function beginOfBackup(name: string): number | undefined {
  const [, hour, minute, second] = namePattern.exec(name) ?? [];
  const time = hour === undefined ? NaN : Date.parse(`${hour}:${String(minute)}:${String(second)}`);
  return Number.isNaN(time) ? undefined : time;
}

/** `prefix` comes before each name. */
export function createBackupStore(driver: BlobDriver, prefix: string, place: string): BackupStore {
  const keyOf = (name: string): ObjectKey => objectKey(prefix + name);
  return {
    place,
    async write(name, bytes) {
      const appender = await driver.openAppender(uploadKey(randomUUID()), { resume: false });
      try {
        const sizeBytes = await appender.append(bytes);
        await appender.commit(keyOf(name));
        return sizeBytes;
      } catch (error) {
        await appender.abort().catch(() => undefined);
        throw error;
      }
    },
    async *read(name) {
      const object = await driver.read(keyOf(name));
      try {
        yield* object.stream();
      } finally {
        await object.close();
      }
    },
    async list() {
      const found: StoredBackup[] = [];
      for await (const { path, sizeBytes } of driver.listEntries(`${prefix}berth-`)) {
        const name = path.slice(prefix.length);
        const beganAt = beginOfBackup(name);
        if (beganAt !== undefined) found.push({ name, beganAt, sizeBytes });
      }
      return found.reverse();
    },
    async remove(name) {
      const [failure] = (await driver.delete([keyOf(name)])).values();
      if (failure) throw failure;
    },
  };
}

/** Throws `not_found` for a text that is not the name of a backup. */
export function requireName(name: string): string {
  if (beginOfBackup(name) === undefined) throw new StorageError('not_found', `${name} is not the name of a backup`);
  return name;
}
