import type { Config } from '../../../config/schema.ts';
import { metadataFile } from '../../assembly/metadata-store.ts';
import { openBlobStore } from '../../assembly/blob-store.ts';
import { move } from '../../maintenance/transfer/transfer.ts';
import { leaveReadOnly } from '../../../storage/metadata/sqlite/read-only.ts';
import { CommandError, type Invocation, UsageError } from '../program/command.ts';
import { createProgress, inUnits } from '../program/progress.ts';

const targetPrefix = 'TO_';

/** `berth migrate`: moves an installation with SQLite to the stores of another configuration, with PostgreSQL. */
export async function migrate(invocation: Invocation): Promise<void> {
  const { options, config, print } = invocation;
  const { to, undo } = options;
  if (undo !== true && typeof to !== 'string') throw new UsageError('missing --to FILE\nusage: berth migrate --to FILE');
  const source = config();
  if (source.storage.metadata.driver !== 'sqlite')
    throw new CommandError('cannot migrate: storage.metadata.driver of the source must be sqlite');
  if (undo === true) {
    leaveReadOnly(metadataFile(source));
    print('the source installation accepts changes again');
    return;
  }
  await moveTo(invocation, source, invocation.otherConfig(String(to), targetPrefix));
}

async function moveTo(invocation: Invocation, from: Config, to: Config): Promise<void> {
  const { print, onSignal } = invocation;
  const { url } = to.storage.metadata;
  if (to.storage.metadata.driver !== 'postgres' || url === undefined)
    throw new CommandError(
      'the target has no PostgreSQL: set storage.metadata.driver and storage.metadata.url in its configuration',
    );
  const [source, target] = [await openBlobStore(from.storage.blobs), await openBlobStore(to.storage.blobs)];
  const bar = createProgress('blobs', invocation);
  try {
    await move({
      source,
      target,
      file: metadataFile(from),
      url,
      now: Date.now,
      interrupted: onSignal().then((signal) => {
        throw new CommandError(`${signal}: stopped; run the same command again to continue`);
      }),
      onBlobs: ({ blobs, bytes }, totals) =>
        bar.show(
          totals.blobs === 0 ? 1 : Math.min(1, blobs / totals.blobs),
          `${inUnits(bytes)} of ${inUnits(totals.bytes)}, ${blobs} of ${totals.blobs} blobs`,
        ),
      onFrozen() {
        bar.end();
        print('the source installation rejects changes from now on; pulls continue');
      },
      onTable: ({ table, rows }) => print(`${table}: ${rows}`),
    });
  } finally {
    bar.end();
    await source.close();
    await target.close();
  }
  print('the migration is complete: stop the old server and start berth with the new configuration');
  print('(berth migrate --undo: the source installation accepts changes again)');
}
