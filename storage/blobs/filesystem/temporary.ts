import { randomBytes } from 'node:crypto';
import { opendir, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { OwnerTags } from '../../owner-tag.ts';

/** The files of puts in progress. Several processes, also of several containers and machines, may share the folder. */
export interface TemporaryFiles {
  /** A path that nobody else uses. */
  path(): string;
  /** Removes what crashed processes left, and nothing of a put in progress. Stops early when `signal` is aborted. */
  removeAbandoned(signal?: AbortSignal): Promise<void>;
}

/** A put takes far less. Decides where nothing is known of the process that made a file. */
const abandonedMilliseconds = 60 * 60 * 1000;

/** Names are the maker's mark, a dot and something random. */
export function createTemporaryFiles(folder: string, marks: OwnerTags): TemporaryFiles {
  async function isAbandoned(name: string): Promise<boolean> {
    if (marks.isLeftByCrash(name)) return true;
    const stats = await stat(join(folder, name)).catch(() => undefined);
    return stats !== undefined && Date.now() - stats.mtimeMs > abandonedMilliseconds;
  }

  return {
    path: () => join(folder, `${marks.own}.${randomBytes(8).toString('hex')}`),
    async removeAbandoned(signal) {
      for await (const { name } of await opendir(folder)) {
        if (signal?.aborted) return;
        if (await isAbandoned(name)) await unlink(join(folder, name)).catch(() => undefined);
      }
    },
  };
}
