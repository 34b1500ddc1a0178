import { type StoredBackup, requireName } from '../../../maintenance/backup/backup-store.ts';
import { type Invocation, CommandError } from '../../program/command.ts';
import { asksForJson, printRecords, printValue, time } from '../../program/output.ts';
import { createDataProgress, inUnits } from '../../program/progress.ts';
import { withBackupStores, withBackups } from './backup-stores.ts';

const columns = { NAME: 'name', BEGAN: 'beganAt', SIZE: 'sizeBytes' } as const;

/** `berth backup list` */
export async function listBackups(invocation: Invocation): Promise<void> {
  await withBackupStores(invocation.config(), async ({ backups }) => {
    invocation.warn(`backups in ${backups.place}`);
    const found = await backups.list();
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
