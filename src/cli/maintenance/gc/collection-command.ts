import { openBlobStore } from '../../../assembly/blob-store.ts';
import { createCollectionServices } from '../../../assembly/maintenance/garbage-collection.ts';
import { openMetadata } from '../../../assembly/metadata-store.ts';
import { createTrash } from '../../../content/trash.ts';
import type { Auditor } from '../../../maintenance/collect/audit.ts';
import type { CollectionOverview } from '../../../maintenance/collect/overview.ts';
import { locateMetadata } from '../../accounts/admin-command.ts';
import { type Invocation, type Run } from '../../program/command.ts';
import { asksForJson } from '../../program/output.ts';
import { type Progress, createProgress } from '../../program/progress.ts';
import { toCommandError } from '../../program/registry-error.ts';

/** What the commands of garbage collection work with. */
interface Services {
  readonly overview: CollectionOverview;
  readonly auditor: Auditor;
}

/** Makes a command that uses the stores beside a running server. */
export function collectionCommand(run: (invocation: Invocation, services: Services) => Promise<void>): Run {
  return async (invocation) => {
    const config = invocation.config();
    invocation.warn(`using the data in ${locateMetadata(config)}`);
    const driver = await openBlobStore(config.storage.blobs);
    const metadata = await openMetadata(config);
    const stores = { driver, metadata, now: Date.now };
    const events = {
      purged: () => undefined,
      trashed: () => undefined,
      failed: (digest: string, error: unknown) => invocation.warn(`${digest} could not be deleted: ${String(error)}`),
    };
    try {
      await run(invocation, createCollectionServices(config, { ...stores, trash: createTrash(stores), events }));
    } catch (error) {
      throw toCommandError(error);
    } finally {
      await metadata.close();
      await driver.close();
    }
  };
}

/** Shows progress on the terminal, or as lines on standard error, apart from the output that scripts read. */
export function progressOf(title: string, invocation: Invocation): Progress {
  if (invocation.isTerminal && !asksForJson(invocation)) return createProgress(title, invocation);
  return createProgress(title, { isTerminal: false, write: (text) => invocation.warn(text.trimEnd()) });
}
