import { randomUUID } from 'node:crypto';
import { link, opendir, readFile, rename, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createOwnerTags } from '../../../storage/owner-tag.ts';
import { makeFolders } from '../../../storage/blobs/filesystem/durable.ts';
import type { Digest } from '../../oci/digest.ts';
import type { HeldDownloadLock } from './download-lock.ts';
import type { Leftover } from './leftovers.ts';

/**
 * The files of downloads in progress, shared by all processes of this machine that have the same folder:
 *
 *   <algorithm>-<hex>         the bytes of a blob; a broken download leaves them for the next one
 *   <algorithm>-<hex>.owner   the process that writes it, and the blob's size once it is known
 *   <algorithm>-<hex>.reader.<process>.<id>   a reader in another process
 */
export interface Partials {
  pathOf(digest: Digest): string;
  /** Makes this process the only writer of the blob's file; undefined if another living process is. */
  lock(digest: Digest): Promise<HeldDownloadLock | undefined>;
  /** Returns what the blob's owner has announced; undefined if it has no living owner. */
  owner(digest: Digest): Promise<{ readonly sizeBytes: number | undefined } | undefined>;
  /** Registers a reader of this process with the blob's owner. */
  follow(digest: Digest): Promise<{ unsubscribe(): Promise<void> }>;
  /** True if another living process reads the blob. */
  isFollowed(digest: Digest): Promise<boolean>;
  remove(digest: Digest): Promise<void>;
  /** Returns the files that no living process writes. */
  leftovers(): Promise<readonly Leftover[]>;
  /**
   * Deletes the owner and reader files of crashed processes. They block no download: `lock` replaces an owner file that
   * stands in its way.
   */
  removeAbandoned(): Promise<void>;
}

export async function createPartials(directory: string): Promise<Partials> {
  await makeFolders(directory);
  const marks = await createOwnerTags();
  const pathOf = (digest: Digest) => join(directory, digest.replace(':', '-'));
  const ownerPathOf = (digest: Digest) => `${pathOf(digest)}.owner`;
  /** Returns a path for a single use, so that two writers never share a draft. */
  const draftPathOf = (digest: Digest) => `${ownerPathOf(digest)}.${marks.own}.${randomUUID()}`;

  async function createOwner(digest: Digest): Promise<boolean> {
    const draft = draftPathOf(digest);
    await writeFile(draft, marks.own);
    try {
      await link(draft, ownerPathOf(digest));
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw error;
    } finally {
      await unlinkIfThere(draft);
    }
  }

  /** Replaces the owner file atomically. */
  async function rewriteOwner(digest: Digest, text: string): Promise<void> {
    const draft = draftPathOf(digest);
    await writeFile(draft, text);
    await rename(draft, ownerPathOf(digest));
  }

  async function readOwner(digest: Digest): Promise<readonly string[] | undefined> {
    const text = await readFile(ownerPathOf(digest), 'utf8').catch(() => undefined);
    return text?.split(' ');
  }

  /** Deletes the owner file of a crashed process, and not that of a process which has replaced it meanwhile. */
  async function dismiss(digest: Digest, mark: string): Promise<void> {
    const aside = draftPathOf(digest);
    await rename(ownerPathOf(digest), aside).catch(() => undefined);
    const moved = await readFile(aside, 'utf8').catch(() => undefined);
    if (moved !== undefined && moved.split(' ')[0] !== mark) await rename(aside, ownerPathOf(digest));
    else await unlinkIfThere(aside);
  }

  async function lock(digest: Digest): Promise<HeldDownloadLock | undefined> {
    if (!(await createOwner(digest))) {
      const [mark] = (await readOwner(digest)) ?? [];
      if (mark === undefined) return lock(digest);
      if (!marks.isLeftByCrash(mark)) return undefined;
      await dismiss(digest, mark);
      return lock(digest);
    }
    let announced = Promise.resolve();
    return {
      announce(sizeBytes) {
        announced = rewriteOwner(digest, `${marks.own} ${sizeBytes}`);
        return announced;
      },
      releaseReplicas: () => Promise.resolve(),
      async release() {
        // A write that is still running would create the file again.
        await announced.catch(() => undefined);
        await unlinkIfThere(ownerPathOf(digest));
      },
    };
  }

  async function owner(digest: Digest): Promise<{ readonly sizeBytes: number | undefined } | undefined> {
    const [mark, sizeBytes] = (await readOwner(digest)) ?? [];
    if (mark === undefined || marks.isLeftByCrash(mark)) return undefined;
    return { sizeBytes: sizeBytes === undefined ? undefined : Number(sizeBytes) };
  }

  async function removeAbandoned(): Promise<void> {
    for await (const { name } of await opendir(directory)) {
      const [, readerOrOwner] = name.split(/\.(?:owner|reader)\./);
      if (readerOrOwner !== undefined && marks.isLeftByCrash(readerOrOwner)) await unlinkIfThere(join(directory, name));
      if (readerOrOwner !== undefined || !name.endsWith('.owner')) continue;
      const digest = digestOf(name);
      const [mark] = (await readOwner(digest)) ?? [];
      if (mark !== undefined && marks.isLeftByCrash(mark)) await dismiss(digest, mark);
    }
  }

  async function leftovers(): Promise<readonly Leftover[]> {
    const found: Leftover[] = [];
    for await (const { name } of await opendir(directory)) {
      const digest = digestOf(name);
      const path = join(directory, name);
      const stats = await stat(path).catch(() => undefined);
      if (!stats || (await owner(digest))) continue;
      found.push({ sizeBytes: stats.size, writtenAt: stats.mtimeMs, remove: () => removeUnowned(path, digest) });
    }
    return found;
  }

  async function removeUnowned(path: string, digest: Digest): Promise<boolean> {
    if (await owner(digest)) return false;
    // A process may have begun to write it: only the holder of the lock deletes it.
    const ownLock = await lock(digest);
    if (!ownLock) return false;
    await unlinkIfThere(path);
    await ownLock.release();
    return true;
  }

  return {
    pathOf,
    lock,
    owner,

    async follow(digest) {
      const path = `${pathOf(digest)}.reader.${marks.own}.${randomUUID()}`;
      // On a full disk the reader is not registered, and the download may end early.
      await writeFile(path, '').catch(() => undefined);
      return { unsubscribe: () => unlinkIfThere(path) };
    },

    async isFollowed(digest) {
      for await (const { name } of await opendir(directory)) {
        const [, reader] = name.split('.reader.');
        if (reader !== undefined && digestOf(name) === digest && !marks.isLeftByCrash(reader)) return true;
      }
      return false;
    },

    remove: (digest) => unlinkIfThere(pathOf(digest)),

    leftovers,
    removeAbandoned,
  };
}

/** The blob that a file of the folder belongs to. */
function digestOf(name: string): Digest {
  return name.replace(/\.(?:owner|reader).*$/, '').replace('-', ':') as Digest;
}

async function unlinkIfThere(path: string): Promise<void> {
  await unlink(path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  });
}
