import { randomBytes } from 'node:crypto';
import { opendir, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { OwnerTags } from '../../owner-tag.ts';

/** The temporary files of puts. Several processes, also in several containers and on several machines, may share the folder. */
export interface TemporaryFiles {
  /** Returns an unused path. */
  path(): string;
  /** Deletes files of crashed processes, and no file of a put in progress. Stops early when `signal` is aborted. */
  removeAbandoned(signal?: AbortSignal): Promise<void>;
}

/** Age at which a file counts as abandoned if its process is unknown. A put takes far less. */
const abandonedMilliseconds = 60 * 60 * 1000;

/** Creates the files in `folder`. A name is the owner tag of the process, a dot and random digits. */
export function createTemporaryFiles(folder: string, ownerTags: OwnerTags): TemporaryFiles {
  async function isAbandoned(name: string): Promise<boolean> {
    if (ownerTags.isLeftByCrash(name)) return true;
    const stats = await stat(join(folder, name)).catch(() => undefined);
    return stats !== undefined && Date.now() - stats.mtimeMs > abandonedMilliseconds;
  }

  return {
    path: () => join(folder, `${ownerTags.own}.${randomBytes(8).toString('hex')}`),
    async removeAbandoned(signal) {
      for await (const { name } of await opendir(folder)) {
        if (signal?.aborted) return;
        if (await isAbandoned(name)) await unlink(join(folder, name)).catch(() => undefined);
      }
    },
  };
}
