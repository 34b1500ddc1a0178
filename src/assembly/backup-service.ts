import type { Config } from '../../config/schema.ts';
import type { BlobDriver } from '../../storage/blobs/driver.ts';
import type { StoredBackup } from '../maintenance/backup/backup-store.ts';
import type { Backups } from '../maintenance/backup/backups.ts';
import { scheduleBackups } from '../maintenance/backup/scheduled-backups.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { Log } from '../observability/log.ts';
import { serverOwner } from '../progress/job.ts';
import { createJobRecorder } from '../progress/job-recorder.ts';
import { type BackupParts, assembleBackups, openBackupStore, readBackupSchedule } from './backups.ts';

export interface BackupServiceParts extends BackupParts {
  readonly driver: BlobDriver;
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'backup'>;
  /** Aborted when the process shuts down. */
  readonly closing: AbortSignal;
}

/** Backups in a server. */
export interface BackupService {
  readonly backups: Pick<Backups, 'list' | 'begin'>;
  /** One run of the job: makes a backup if one is due. */
  run(): Promise<void>;
  /** Resolves when a running backup has ended. */
  close(): Promise<void>;
}

export async function openBackupService(config: Config, parts: BackupServiceParts): Promise<BackupService> {
  const { driver, now, log, metrics, closing } = parts;
  const schedule = readBackupSchedule(config);
  const { store, close } = await openBackupStore(config, driver);
  const backups = assembleBackups(config, store, parts);
  const running = new Set<Promise<unknown>>();
  metrics.backup.watchAge(async () => {
    const newest = await backups.newestBeganAt();
    if (newest !== undefined) return (now() - newest) / 1000;
    return schedule ? Infinity : undefined;
  });

  function track<Result>(work: Promise<Result>): Promise<Result> {
    const ended = work.then(
      () => undefined,
      () => undefined,
    );
    running.add(ended);
    void ended.then(() => running.delete(ended));
    return work;
  }
  const logDone = ({ name, sizeBytes }: StoredBackup) => log.info({ backup: name, sizeBytes }, 'a backup is complete');
  const recorder = createJobRecorder(parts);
  const recorded: Pick<Backups, 'begin'> = {
    async begin(options) {
      const { name, done } = await backups.begin(options);
      const job = { kind: 'backup', owner: serverOwner, subject: name, unit: 'bytes' } as const;
      // It may fail before the job is recorded.
      done.catch(() => undefined);
      const stored = recorder.track(job, async ({ report }) => {
        const backup = await done;
        report(backup.sizeBytes);
        return backup;
      });
      return { name, done: stored };
    },
  };
  const run = scheduleBackups({ backups: { ...backups, ...recorded }, schedule, now, onDone: logDone, closing });

  return {
    backups: {
      list: backups.list,
      async begin() {
        const { name, done } = await recorded.begin({ signal: closing });
        void track(done).then(logDone, (error: unknown) => log.error({ backup: name, err: error }, 'a backup has failed'));
        return { name, done };
      },
    },
    run: () => track(run()),
    async close() {
      await Promise.all(running);
      await close();
    },
  };
}
