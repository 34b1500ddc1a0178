import type { Config } from '../../config/schema.ts';
import { metadataFile } from '../app.ts';
import { openBlobStore } from '../assembly/blob-store.ts';
import { move } from '../maintenance/transfer/transfer.ts';
import { leaveReadOnly } from '../../storage/metadata/sqlite/read-only.ts';
import { type Command, type Invocation, UsageError } from './command.ts';
import { createProgress, inUnits } from './progress.ts';

const targetPrefix = 'TO_';

/** `berth migrate`: moves a running installation of one machine to S3 and PostgreSQL. */
export const migrate: Command = {
  name: 'migrate',
  summary: 'move a running installation (folder and SQLite) to other stores (such as S3) and PostgreSQL',
  usage: [
    'berth migrate --to FILE [--config FILE]      move to the stores of another configuration; secrets of it may come',
    `                                                    from the environment: ${targetPrefix}BERTH_STORAGE_METADATA_URL`,
    '       berth migrate --undo [--config FILE]         let the old installation take changes again',
  ].join('\n'),
  options: { to: { type: 'string' }, undo: { type: 'boolean' } },
  async run(invocation) {
    const { options, config, print } = invocation;
    const source = config();
    if (source.storage.metadata.driver !== 'sqlite') throw new UsageError('the configuration has no SQLite to move from');
    if (options['undo'] === true) {
      leaveReadOnly(metadataFile(source));
      print('the old installation takes changes again');
      return;
    }
    if (typeof options['to'] !== 'string') throw new UsageError('say where to: berth migrate --to FILE');
    await moveTo(invocation, source, invocation.otherConfig(options['to'], targetPrefix));
  },
};

async function moveTo(invocation: Invocation, from: Config, to: Config): Promise<void> {
  const { print, onSignal } = invocation;
  const { url } = to.storage.metadata;
  if (to.storage.metadata.driver !== 'postgres' || url === undefined)
    throw new UsageError(
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
        throw new UsageError(`${signal}: stopped; the same command goes on where it was`);
      }),
      onBlobs: ({ blobs, bytes }, totals) =>
        bar.show(
          totals.blobs === 0 ? 1 : Math.min(1, blobs / totals.blobs),
          `${inUnits(bytes)} of ${inUnits(totals.bytes)}, ${blobs} of ${totals.blobs} blobs`,
        ),
      onFrozen() {
        bar.end();
        print('the old installation takes no changes from now on; pulls go on');
      },
      onTable: ({ table, rows }) => print(`${table}: ${rows}`),
    });
  } finally {
    bar.end();
    await source.close();
    await target.close();
  }
  print('everything is there: start berth with the new configuration, and stop the old one');
  print('(berth migrate --undo lets the old one take changes again)');
}
