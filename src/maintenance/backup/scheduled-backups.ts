import { pauseAfter } from '../../../storage/back-off.ts';
import { type Schedule, isRunDue } from '../retention/schedule.ts';
import type { StoredBackup } from './backup-store.ts';
import { BackupRunning, type Backups } from './backups.ts';

export interface ScheduledBackupsOptions {
  readonly backups: Pick<Backups, 'begin' | 'newestBeganAt'>;
  /** Undefined: backups are made by command only. */
  readonly schedule: Schedule | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly onDone: (backup: StoredBackup) => void;
  /** Ends a running backup when the process shuts down. */
  readonly closing: AbortSignal;
}

const retry = { first: 60_000, longest: 3_600_000 };

/** Returns a run of the job: makes a backup when one is due. Rejects if it fails; tries again later and later. */
export function scheduleBackups(options: ScheduledBackupsOptions): () => Promise<void> {
  const { backups, schedule, now, onDone, closing } = options;
  let failures = 0;
  let retryAt = -Infinity;
  const isClosing = () => closing.aborted;

  return async () => {
    if (!schedule || isClosing() || now() < retryAt) return;
    if (!isRunDue(schedule, (await backups.newestBeganAt()) ?? -Infinity, now())) return;
    try {
      const { done } = await backups.begin({ signal: closing });
      onDone(await done);
      failures = 0;
      retryAt = -Infinity;
    } catch (error) {
      if (error instanceof BackupRunning || isClosing()) return;
      retryAt = now() + pauseAfter(++failures, retry);
      throw error;
    }
  };
}
