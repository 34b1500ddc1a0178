import { lstat, open, stat, statfs, unlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Appender, type BlobDriver, type ObjectKey, type OpenAppenderOptions, StorageError, objectKey } from '../driver.ts';
import { createOwnerTags } from '../../owner-tag.ts';
import { createAppender } from './appender.ts';
import { createDurableTree, makeFolders, unless } from './durable.ts';
import { toStorageError, translating, withOwner } from './errors.ts';
import { createInProgressFiles } from './in-progress.ts';
import { walk, walkEntries } from './listing.ts';
import { openFile } from './reading.ts';
import { createTemporaryFiles } from './temporary.ts';

/**
 * Creates the driver that stores objects as files. The key is the path below the directory.
 *
 *   <directory>/
 *   ├── docker/registry/v2/…      objects (layout.ts)
 *   └── .berth/
 *       ├── growing/<key, / as %>/ partial objects, each in its own folder
 *       └── temporary/             puts in progress; `removeLeftovers` deletes those of crashed processes
 *
 * The directory must be one file system: a rename must never become a copy.
 */
export async function createFilesystemDriver({ directory }: { readonly directory: string }): Promise<BlobDriver> {
  const root = resolve(directory);
  const partial = join(root, '.berth/growing');
  const temporary = join(root, '.berth/temporary');
  const ownerTags = await createOwnerTags();
  const temporaryFiles = createTemporaryFiles(temporary, ownerTags);
  const temporaryPath = () => temporaryFiles.path();
  const inProgress = createInProgressFiles({ directory: partial, ownerTags, temporaryPath });
  await translating(`cannot use the directory ${root}`, async () => {
    await makeFolders(partial);
    await makeFolders(temporary);
    await tryWrite().catch(unless('ENOSPC', 'EDQUOT'));
  }).catch((error: unknown) => {
    throw withOwner(error, root);
  });
  const tree = createDurableTree(root);
  let closed = false;

  /** Creates and writes a file, as every push does: only this shows a read-only file system or missing file descriptors. */
  async function tryWrite(): Promise<void> {
    const path = temporaryFiles.path();
    const file = await open(path, 'wx');
    try {
      await file.write('ready');
    } finally {
      await file.close();
      await unlink(path);
    }
  }

  const isHidden = (folder: string) => folder === '.berth/';
  const pathOf = (key: ObjectKey) => join(root, key);
  const uploadName = (key: ObjectKey) => key.replaceAll('/', '%');

  /** Runs an operation. Rejects `closed` after `close`, and translates errors into `StorageError`. */
  async function operation<Result>(what: string, work: () => Promise<Result>): Promise<Result> {
    if (closed) throw new StorageError('closed', `${what}: the blob store is closed`);
    return translating(what, work);
  }

  async function put(key: ObjectKey, bytes: Uint8Array, ifAbsent: boolean): Promise<void> {
    const path = temporaryFiles.path();
    const file = await open(path, 'wx');
    try {
      await file.writeFile(bytes);
      await file.sync();
      await file.close();
      await (ifAbsent ? tree.renameIfAbsent(path, pathOf(key)) : tree.rename(path, pathOf(key)));
    } catch (error) {
      await file.close().catch(() => undefined);
      await unlink(path).catch(() => undefined);
      // The process that created it may not have synced the folder yet.
      if (ifAbsent && (error as NodeJS.ErrnoException).code === 'EEXIST') await tree.makeDurable(pathOf(key));
      throw error;
    }
  }

  async function putUnsynced(key: ObjectKey, bytes: Uint8Array): Promise<void> {
    const path = temporaryFiles.path();
    try {
      await writeFile(path, bytes, { flag: 'wx' });
      await tree.renameUnsynced(path, pathOf(key));
    } catch (error) {
      await unlink(path).catch(() => undefined);
      throw error;
    }
  }

  async function openAppender(key: ObjectKey, { resume, ...options }: OpenAppenderOptions): Promise<Appender> {
    const name = uploadName(key);
    const open = resume === 'ifStored' ? inProgress.openOrCreate : inProgress.open;
    const upload = await (resume ? open(name, options) : inProgress.create(name));
    return createAppender({ upload, tree, pathOf, temporaryPath, assertHeld: options.assertHeld });
  }

  async function adoptFile(path: string, to: ObjectKey): Promise<void> {
    const file = await open(path, 'r+');
    try {
      await file.datasync();
    } catch (error) {
      // A second sync would succeed although bytes of this one were not written.
      await unlink(path);
      throw error;
    } finally {
      await file.close();
    }
    await tree.rename(path, pathOf(to));
  }

  async function remove(key: ObjectKey): Promise<StorageError | undefined> {
    return (await failureOf(tree.remove(pathOf(key)))) ?? failureOf(inProgress.remove(uploadName(key)));
  }

  /** Resolves to the error of a deletion; a missing file is none. */
  async function failureOf(removal: Promise<void>): Promise<StorageError | undefined> {
    try {
      await removal;
      return undefined;
    } catch (error) {
      const failure = toStorageError(error, 'delete');
      if (!(failure instanceof StorageError)) throw failure;
      return failure.code === 'not_found' ? undefined : failure;
    }
  }

  return {
    name: 'filesystem',
    capabilities: { atomicIfAbsent: true, presignedReads: false, remote: false },

    stat: (key) =>
      operation('stat', async () => {
        const stats = await stat(pathOf(key));
        if (!stats.isFile()) throw new StorageError('not_found', 'stat: not an object');
        return { sizeBytes: stats.size, modifiedAt: stats.mtime };
      }),

    read: (key, range) => operation('read', () => openFile(pathOf(key), range)),

    put: (key, bytes, { ifAbsent = false, isDurable = true } = {}) =>
      operation('put', () => (isDurable || ifAbsent ? put(key, bytes, ifAbsent) : putUnsynced(key, bytes))),

    openAppender: (key, options) => operation('open', () => openAppender(key, options)),

    inProgressBytes: (key) => operation('stat', () => inProgress.size(uploadName(key))),

    adoptFile: (path, to) => operation('adopt', () => adoptFile(path, to)),

    move: (from, to, { isDurable = true } = {}) =>
      operation('move', () => tree[isDurable ? 'move' : 'moveAside'](pathOf(from), pathOf(to))),

    delete: (keys) =>
      operation('delete', async () => {
        const failures = new Map<ObjectKey, StorageError>();
        for (const key of keys) {
          const failure = await remove(key);
          if (failure) failures.set(key, failure);
        }
        return failures;
      }),

    deleteObjects: (keys, assertHeld) =>
      operation('delete', async () => {
        const failures = new Map<ObjectKey, StorageError>();
        for (const key of keys) {
          assertHeld();
          const failure = await failureOf(tree.remove(pathOf(key)));
          if (failure) failures.set(key, failure);
        }
        return failures;
      }),

    removeEmptyFolders: (prefix) => operation('delete', () => tree.removeEmpty(join(root, prefix))),

    async *list(prefix, options) {
      if (closed) throw new StorageError('closed', 'list: the blob store is closed');
      try {
        for await (const key of walk(root, prefix, options?.startAfter ?? '', isHidden)) {
          yield objectKey(key);
        }
      } catch (error) {
        throw toStorageError(error, 'list');
      }
    },

    async *listEntries(prefix, options) {
      if (closed) throw new StorageError('closed', 'list: the blob store is closed');
      try {
        for await (const { path, kind } of walkEntries(root, prefix, options?.startAfter ?? '', isHidden)) {
          const stats = await lstat(join(root, path)).catch(unless('ENOENT'));
          if (stats) yield { path, kind, sizeBytes: stats.size, modifiedAt: stats.mtime };
        }
      } catch (error) {
        throw toStorageError(error, 'list');
      }
    },

    async *listPartial() {
      if (closed) throw new StorageError('closed', 'list: the blob store is closed');
      try {
        for await (const { name, modifiedAt } of inProgress.list())
          yield { key: objectKey(name.replaceAll('%', '/')), modifiedAt };
      } catch (error) {
        throw toStorageError(error, 'list');
      }
    },

    removeLeftovers: (signal) => operation('remove leftovers', () => temporaryFiles.removeAbandoned(signal)),

    presignRead: () => Promise.resolve(undefined),

    check: () =>
      operation('check', async () => {
        const { bavail } = await statfs(root);
        if (bavail === 0) throw new StorageError('no_space', `check: no space left in ${root}`);
        await tryWrite();
      }),

    close: () => {
      closed = true;
      return Promise.resolve();
    },
  };
}
