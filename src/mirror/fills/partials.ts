import { randomUUID } from 'node:crypto';
import { link, opendir, readFile, rename, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createOwnerTags } from '../../../storage/owner-tag.ts';
import { makeFolders } from '../../../storage/blobs/filesystem/durable.ts';
import type { Digest } from '../../oci/digest.ts';
import type { HeldDownloadLock } from './download-lock.ts';
import { type Leftover, sweepLeftovers } from './leftovers.ts';

/**
 * The files of downloads in progress, shared by all processes of this machine that have the same folder:
 *
 *   <algorithm>-<hex>         what has come of a blob; stays when its download breaks off, for the next one
 *   <algorithm>-<hex>.owner   who writes it now, and the blob's size once it is known
 *   <algorithm>-<hex>.reader.<who>.<id>   somebody in another process reads it
 */
export interface Partials {
  pathOf(digest: Digest): string;
  /** Becomes the only writer of the blob's file; undefined where another living process is it. */
  lock(digest: Digest): Promise<HeldDownloadLock | undefined>;
  /** What the blob's owner says; undefined where it has none that lives. */
  owner(digest: Digest): Promise<{ readonly sizeBytes: number | undefined } | undefined>;
  /** Tells the blob's owner that it is read here. */
  follow(digest: Digest): Promise<{ unsubscribe(): Promise<void> }>;
  /** Whether it is read in another living process. */
  isFollowed(digest: Digest): Promise<boolean>;
  remove(digest: Digest): Promise<void>;
  /** The files that no living process writes. */
  leftovers(): Promise<readonly Leftover[]>;
  /**
   * Deletes unowned files last written before `before` (milliseconds since 1970), then the oldest until at most `mostBytes`
   * remain. Resolves to the number of files deleted.
   */
  sweep(before: number, maxBytes: number): Promise<number>;
}

export async function createPartials(directory: string): Promise<Partials> {
  await makeFolders(directory);
  const marks = await createOwnerTags();
  const pathOf = (digest: Digest) => join(directory, digest.replace(':', '-'));
  const ownerPathOf = (digest: Digest) => `${pathOf(digest)}.owner`;
  /** For one use: two that write the same draft would take it from each other. */
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

  /** Readers see the old words or the new ones. */
  async function rewriteOwner(digest: Digest, text: string): Promise<void> {
    const draft = draftPathOf(digest);
    await writeFile(draft, text);
    await rename(draft, ownerPathOf(digest));
  }

  async function readOwner(digest: Digest): Promise<readonly string[] | undefined> {
    const text = await readFile(ownerPathOf(digest), 'utf8').catch(() => undefined);
    return text?.split(' ');
  }

  /** Takes away the owner that a crash has left, and not one that has come meanwhile. */
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
        // What is still being written would come back.
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

  /** What crashed processes left beside the blobs' files. */
  async function removeAbandoned(): Promise<void> {
    for await (const { name } of await opendir(directory)) {
      const [, whose] = name.split(/\.(?:owner|reader)\./);
      if (whose !== undefined && marks.isLeftByCrash(whose)) await unlinkIfThere(join(directory, name));
      if (whose !== undefined || !name.endsWith('.owner')) continue;
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
    // Whoever takes it up now writes it until then.
    const held = await lock(digest);
    if (!held) return false;
    await unlinkIfThere(path);
    await held.release();
    return true;
  }

  await removeAbandoned();
  return {
    pathOf,
    lock,

    owner,

    async follow(digest) {
      const path = `${pathOf(digest)}.reader.${marks.own}.${randomUUID()}`;
      // A disk that is full: then nobody is told, and the download may end early.
      await writeFile(path, '').catch(() => undefined);
      return { unsubscribe: () => unlinkIfThere(path) };
    },

    async isFollowed(digest) {
      for await (const { name } of await opendir(directory)) {
        const [, who] = name.split('.reader.');
        if (who !== undefined && digestOf(name) === digest && !marks.isLeftByCrash(who)) return true;
      }
      return false;
    },

    remove: (digest) => unlinkIfThere(pathOf(digest)),

    leftovers,

    sweep: async (before, maxBytes) => sweepLeftovers(await leftovers(), before, maxBytes),
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
