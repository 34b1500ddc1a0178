import { snapshotFolder } from '../../../assembly/backups.ts';
import { type DrillReport, drill } from '../../../maintenance/backup/drill.ts';
import { type Invocation, CommandError, UsageError } from '../../program/command.ts';
import { asksForJson, printRecords, printValue, time } from '../../program/output.ts';
import { openBackup, withBackupStores } from './backup-stores.ts';
import { describe } from './describe-comparison.ts';

const imageColumns = { IMAGE: 'image', MANIFESTS: 'manifests', BLOBS: 'blobs', BYTES: 'bytes', ERROR: 'error' } as const;

const defaultSample = '5';

/** `berth backup drill` */
export async function drillBackup(invocation: Invocation): Promise<void> {
  const { sample = defaultSample } = invocation.options;
  if (!/^[1-9]\d{0,3}$/.test(String(sample))) throw new UsageError('--sample must be a number from 1 to 9999');
  const result = await withBackupStores(invocation.config(), async ({ config, driver, backups }) =>
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
