import { snapshotFolder, snapshotSource } from '../../../assembly/backups.ts';
import { ownData } from '../../../assembly/data-owner.ts';
import type { FinishedRestore } from '../../../maintenance/backup/finish-restore.ts';
import { type RestoredBackup, restoreBackup } from '../../../maintenance/backup/restore.ts';
import { type Invocation, UsageError } from '../../program/command.ts';
import { printValue, time } from '../../program/output.ts';
import { type BackupStores, openBackup, withBackupStores } from './backup-stores.ts';
import { describe } from './describe-comparison.ts';
import { finish } from './finish.ts';
import { recoverFromBlobs } from './recover.ts';

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
    await withBackupStores(config, async (stores) => {
      if (options['fromBlobs'] === true) return recoverFromBlobs(invocation, stores);
      const restored = backup === undefined ? undefined : await load(invocation, stores, backup);
      report(invocation, restored, await finish(invocation, stores));
    });
  } finally {
    lock.release();
  }
}

async function load(invocation: Invocation, { config, backups }: BackupStores, backup: string): Promise<RestoredBackup> {
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

function report(invocation: Invocation, restored: RestoredBackup | undefined, finished: FinishedRestore): void {
  const { name = null, beganAt = null } = restored ?? {};
  printValue(invocation, describe(finished), { backup: name, beganAt: time(beganAt), ...finished });
  if (!finished.fromLinks && name !== null)
    invocation.warn('the store has no links of berth: tags that were pushed after the backup are not back');
  invocation.warn(name === null ? 'the restore is complete: start berth' : `${name} is restored: start berth`);
}
