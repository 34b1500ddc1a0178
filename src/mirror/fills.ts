import { createReadStream } from 'node:fs';
import { mkdir, opendir, stat, unlink } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { BlobDriver } from '../../storage/blobs/driver.ts';
import { blobKey, uploadKey } from '../../storage/blobs/layout.ts';
import type { Mirrored } from '../../storage/metadata/queries/mirror-writes.ts';
import type { Digest } from '../oci/digest.ts';
import { type Fill, type FillOptions, WrongDigest, beginFill } from './fill.ts';

/** The downloads in progress of this process: one for each blob, whoever wants it. */
export interface Fills {
  /** The blob's fill, if the repository has joined it. */
  find(digest: Digest, repository: string): Fill | undefined;
  has(digest: Digest): boolean;
  /** Joins the blob's fill or begins one. What comes whole is stored, and served by every repository that joined. */
  join(digest: Digest, holder: Mirrored, source: FillSource): { readonly fill: Fill; readonly isNew: boolean };
  /** How many run. */
  readonly count: number;
  /** Removes what fills have left that nobody took up again since `before` (milliseconds since 1970). */
  sweep(before: number): Promise<number>;
  /** Stops all fills; what they have is kept for the next start. */
  close(): Promise<void>;
}

export type FillSource = Omit<FillOptions, 'digest' | 'path'>;

export interface FillsOptions {
  readonly driver: BlobDriver;
  /** A folder of this machine, best on the file system of the blob store. */
  readonly directory: string;
  /** Records a stored blob. */
  readonly record: (holders: readonly Mirrored[], digest: Digest, sizeBytes: number) => Promise<void>;
  readonly onFailure: (digest: Digest, error: unknown) => void;
}

interface Entry {
  readonly fill: Fill;
  readonly holders: Map<string, Mirrored>;
  readonly ended: Promise<void>;
}

export async function createFills({ driver, directory, record, onFailure }: FillsOptions): Promise<Fills> {
  await mkdir(directory, { recursive: true });
  const entries = new Map<Digest, Entry>();
  const pathOf = (digest: Digest) => join(directory, digest.replace(':', '-'));

  /** Makes the file an object of the blob store: by renaming it where that is possible, by copying it elsewhere. */
  async function store(path: string, digest: Digest): Promise<void> {
    const adopted = await driver.adoptFile?.(path, blobKey(digest)).then(
      () => true,
      () => false,
    );
    if (adopted) return;
    const appender = await driver.openAppender(uploadKey(randomUUID()), { resume: false });
    try {
      await appender.append(createReadStream(path, { highWaterMark: 1024 * 1024 }));
      await appender.commit(blobKey(digest));
    } catch (error) {
      await appender.abort();
      throw error;
    }
    await unlink(path);
  }

  async function end(digest: Digest, fill: Fill, holders: ReadonlyMap<string, Mirrored>): Promise<void> {
    try {
      const sizeBytes = await fill.started;
      await fill.verified;
      await store(pathOf(digest), digest);
      await record([...holders.values()], digest, sizeBytes);
    } catch (error) {
      if (error instanceof WrongDigest) await unlink(pathOf(digest)).catch(() => undefined);
      onFailure(digest, error);
    } finally {
      entries.delete(digest);
      fill.release();
    }
  }

  return {
    find(digest, repository) {
      const entry = entries.get(digest);
      return entry?.holders.has(repository) ? entry.fill : undefined;
    },

    has: (digest) => entries.has(digest),

    join(digest, holder, source) {
      const running = entries.get(digest);
      if (running) {
        running.holders.set(holder.repository, holder);
        return { fill: running.fill, isNew: false };
      }
      const fill = beginFill({ ...source, digest, path: pathOf(digest) });
      const holders = new Map([[holder.repository, holder]]);
      entries.set(digest, { fill, holders, ended: end(digest, fill, holders) });
      return { fill, isNew: true };
    },

    get count() {
      return entries.size;
    },

    async sweep(before) {
      let swept = 0;
      for await (const { name } of await opendir(directory)) {
        const digest = name.replace('-', ':') as Digest;
        const stats = await stat(join(directory, name)).catch(() => undefined);
        if (!stats || stats.mtimeMs >= before || entries.has(digest)) continue;
        await unlink(join(directory, name)).catch(() => undefined);
        swept++;
      }
      return swept;
    },

    async close() {
      for (const { fill } of entries.values()) fill.stop();
      await Promise.all([...entries.values()].map(({ ended }) => ended));
    },
  };
}
