import { createHash } from 'node:crypto';
import { type BlobDriver, type ObjectKey, type StoredEntry, StorageError, objectKey } from '../driver.ts';
import { unlessMissing } from '../missing.ts';
import { openInventoryIndex } from './inventory-index.ts';
import { InvalidInventory, parseInventoryManifest } from './manifest.ts';
import { type InventoryEntry, readInventoryFile } from './read-file.ts';

/** Where the files of an inventory are. */
export interface InventorySource {
  /** Text of `manifest.json`. */
  readonly manifest: string;
  /** Opens a file of the inventory by its key. */
  open(key: string): AsyncIterable<Uint8Array>;
}

export interface InventoryOptions {
  readonly source: InventorySource;
  /** The store that the inventory was made of. */
  readonly driver: Pick<BlobDriver, 'stat'>;
  readonly bucket: string;
  /** Prefix of the store in the bucket. */
  readonly prefix: string;
  /** Entries outside of it are left out. */
  readonly below: string;
  /** File for the sorted entries; created if it is missing. */
  readonly indexFile: string;
  readonly signal: AbortSignal;
  /** Called after each file. */
  readonly onFile: (done: number, all: number) => void;
}

/** Lists a store as an inventory has found it. */
export interface InventoryListing extends Pick<BlobDriver, 'listEntries'> {
  close(): void;
}

const pageSize = 1000;

/**
 * Reads an S3 Inventory into an index, file by file, and returns its listing. What the inventory does not state (size, time) is
 * read from the store, object by object. A file that was read before is not read again. Rejects `InvalidInventory`.
 */
export async function openInventory(options: InventoryOptions): Promise<InventoryListing> {
  const { source, driver, bucket, prefix, below, indexFile, signal, onFile } = options;
  const { sourceBucket, columns, files } = parseInventoryManifest(source.manifest);
  if (sourceBucket !== bucket) throw new InvalidInventory(`it lists the bucket ${sourceBucket}, but the store is in ${bucket}`);
  const id = createHash('sha256')
    .update(JSON.stringify([source.manifest, prefix, below]))
    .digest('hex');
  const index = openInventoryIndex(indexFile, id);
  try {
    for (const [done, file] of files.entries()) {
      signal.throwIfAborted();
      if (!index.hasFile(file.key)) {
        const selection = { columns, bucket, prefix, below };
        await index.addFile(file.key, (add) => readInventoryFile(source.open(file.key), file, selection, add));
      }
      onFile(done + 1, files.length);
    }
  } catch (error) {
    index.close();
    throw error;
  }

  return {
    async *listEntries(prefix, { startAfter = '' } = {}) {
      for (let after = startAfter; ;) {
        const page = index.list(prefix, after, pageSize);
        for (const entry of page) {
          const stored = await complete(driver, entry);
          if (stored) yield stored;
        }
        const last = page.at(-1);
        if (last === undefined) return;
        after = last.path;
      }
    },
    close: () => index.close(),
  };
}

/** Looks up what the inventory does not state. Resolves to undefined if the object was deleted since. */
async function complete(
  driver: Pick<BlobDriver, 'stat'>,
  { path, sizeBytes, modifiedAt }: InventoryEntry,
): Promise<StoredEntry | undefined> {
  if (sizeBytes !== undefined && modifiedAt !== undefined)
    return { path, kind: 'object', sizeBytes, modifiedAt: new Date(modifiedAt) };
  const key = toKey(path);
  // No driver reads a foreign object, which has no valid key: its name alone matters.
  if (key === undefined) return { path, kind: 'object', sizeBytes: 0, modifiedAt: new Date(0) };
  const stat = await unlessMissing(driver.stat(key));
  return stat && { path, kind: 'object', ...stat };
}

function toKey(path: string): ObjectKey | undefined {
  try {
    return objectKey(path);
  } catch (error) {
    if (error instanceof StorageError) return undefined;
    throw error;
  }
}
