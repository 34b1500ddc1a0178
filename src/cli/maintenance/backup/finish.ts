import { openMetadata } from '../../../assembly/metadata-store.ts';
import { CannotAdopt } from '../../../maintenance/adopt/parts.ts';
import type { MissingContent } from '../../../maintenance/backup/comparison.ts';
import { type FinishedRestore, finishRestore } from '../../../maintenance/backup/finish-restore.ts';
import { beginFromLinks } from '../../../maintenance/backup/return-links.ts';
import { type Invocation, CommandError } from '../../program/command.ts';
import { createDataProgress } from '../../program/progress.ts';
import type { BackupStores } from './backup-stores.ts';

/** Aborts when the process shall end: the same command, or `--finish`, goes on. */
export function stopSignal(invocation: Invocation): AbortSignal {
  const stopping = new AbortController();
  void invocation
    .onSignal()
    .then((signal) => stopping.abort(new CommandError(`${signal}: stopped; berth restore --finish continues`)));
  return stopping.signal;
}

/** Completes a restore: records links of the store, and compares the store with the records. */
export async function finish(invocation: Invocation, { config, driver, backups }: BackupStores): Promise<FinishedRestore> {
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
