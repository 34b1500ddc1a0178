import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ArchiveImports, createArchiveImports } from '../../src/archives/in/imports.ts';
import type { ArchiveLimits } from '../../src/archives/in/limits.ts';
import type { RepositoryName } from '../../src/oci/reference.ts';
import { unrecorded } from '../../src/progress/job-recorder.ts';
import { type Registry, createRegistry } from '../../src/registry/registry.ts';
import { createFilesystemDriver } from '../../storage/blobs/filesystem/filesystem-driver.ts';
import { createSqliteStore } from '../../storage/metadata/sqlite/sqlite-store.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';

/** The import of archives without HTTP, over a folder of its own. */
export interface TestImports {
  readonly imports: ArchiveImports;
  readonly registry: Registry;
  readonly metadata: MetadataStore;
  /** Resolves to the number of upload sessions and partial objects. */
  leftovers(): Promise<number>;
  /** Opens the import of another process over the same stores. */
  another(): ArchiveImports;
  close(): Promise<void>;
}

export const sender = { repository: 'team/app' as RepositoryName, owner: 'account:1', author: { actor: 'alice', address: '' } };

export async function openImports(limits: ArchiveLimits = { maxBytes: 2 ** 30, maxEntries: 1000 }): Promise<TestImports> {
  const directory = await mkdtemp(join(tmpdir(), 'berth-imports-'));
  const driver = await createFilesystemDriver({ directory });
  const metadata = await createSqliteStore({ file: join(directory, 'metadata.sqlite') });
  const open = () => createRegistry({ driver, metadata, now: Date.now, acceptMissing: false });
  const importsOf = (registry: Registry) =>
    createArchiveImports({
      ...registry,
      metadata,
      limits,
      expireAfter: 3_600_000,
      recorder: unrecorded,
      isMirrored: () => Promise.resolve(false),
      now: Date.now,
    });
  const registry = open();
  const others: Registry[] = [];
  return {
    imports: importsOf(registry),
    registry,
    metadata,
    async leftovers() {
      let count = (await metadata.uploads.listStartedBefore(Date.now() + 1, 1000)).length;
      const partials = driver.listPartial()[Symbol.asyncIterator]();
      while ((await partials.next()).done !== true) count++;
      return count;
    },
    another() {
      const other = open();
      others.push(other);
      return importsOf(other);
    },
    async close() {
      for (const { uploads } of [registry, ...others]) await uploads.close();
      await metadata.close();
      await driver.close();
      await rm(directory, { recursive: true });
    },
  };
}

/** Yields the bytes in chunks of `size`; with `cut` it breaks off after so many bytes, as a connection does. */
export async function* chunksOf(bytes: Uint8Array, size = 64 * 1024, cut = Infinity): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < Math.min(bytes.length, cut); at += size) {
    yield bytes.subarray(at, Math.min(at + size, cut));
    await Promise.resolve();
  }
  if (cut < Infinity) throw new Error('the connection was lost');
}
