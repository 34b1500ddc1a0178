import { createReadStream, existsSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Config } from '../../../config/schema.ts';
import { type BlobDriver, type ObjectKey, StorageError, objectKey } from '../../../storage/blobs/driver.ts';
import { InvalidInventory } from '../../../storage/blobs/inventory/manifest.ts';
import {
  type InventoryListing,
  type InventorySource,
  openInventory,
} from '../../../storage/blobs/inventory/inventory-listing.ts';
import { readAll, unlessMissing } from '../../../storage/blobs/missing.ts';
import { openBlobStore } from '../blob-store.ts';

export interface StoreInventoryOptions {
  /** File, or `s3://BUCKET/KEY`, of the inventory's `manifest.json`. */
  readonly location: string;
  readonly driver: BlobDriver;
  /** Keys outside of it are left out. */
  readonly below: string;
  readonly signal: AbortSignal;
  /** Called after each file of the inventory. */
  readonly onFile: (done: number, all: number) => void;
}

/** The listing of the configured bucket as an inventory has found it. */
export interface StoreInventory extends InventoryListing {
  /** Deletes what was read: it is not needed again. */
  remove(): Promise<void>;
}

type BlobSettings = Config['storage']['blobs'];

/** Reads an S3 Inventory of the configured bucket. Rejects with `InvalidInventory` if it cannot be used. */
export async function openStoreInventory(settings: BlobSettings, options: StoreInventoryOptions): Promise<StoreInventory> {
  const { location, driver, below, signal, onFile } = options;
  const { bucket, prefix } = settings.s3;
  if (settings.driver !== 's3' || bucket === undefined)
    throw new InvalidInventory('storage.blobs.driver is filesystem: an S3 Inventory lists a bucket');
  const folder = join(settings.directory, '.berth');
  await mkdir(folder, { recursive: true });
  const indexFile = join(folder, 'inventory.sqlite');
  const place = prefix.replace(/^\/+|\/+$/g, '');
  const { source, close } = await openSource(settings, location);
  try {
    const inStore = { driver, bucket, prefix: place && `${place}/`, below };
    const listing = await openInventory({ source, ...inStore, indexFile, signal, onFile });
    return {
      ...listing,
      async remove() {
        listing.close();
        await rm(indexFile, { force: true });
      },
    };
  } finally {
    await close();
  }
}

interface OpenSource {
  readonly source: InventorySource;
  close(): Promise<void>;
}

async function openSource(settings: BlobSettings, location: string): Promise<OpenSource> {
  const [, bucket, key] = /^s3:\/\/([^/]+)\/(.+)$/.exec(location) ?? [];
  if (bucket === undefined || key === undefined) return openFolder(location);
  const inventories = await openBlobStore({ ...settings, s3: { ...settings.s3, bucket, prefix: '' } });
  try {
    const manifest = await readText(inventories, toKey(key));
    if (manifest === undefined) throw new InvalidInventory(`${location} does not exist`);
    return { source: { manifest, open: (file) => readObject(inventories, toKey(file)) }, close: () => inventories.close() };
  } catch (error) {
    await inventories.close();
    throw error;
  }
}

/** Returns the key of a file of the inventory. Throws `InvalidInventory` if it has characters that no key of berth has. */
function toKey(text: string): ObjectKey {
  try {
    return objectKey(text);
  } catch (error) {
    if (!(error instanceof StorageError && error.code === 'invalid_key')) throw error;
    throw new InvalidInventory(
      `berth cannot read ${JSON.stringify(text)} from a bucket: it reads keys of letters, digits and . _ - / only; ` +
        'download the folder of the inventory and name its manifest.json there',
      { cause: error },
    );
  }
}

async function readText(driver: BlobDriver, key: ObjectKey): Promise<string | undefined> {
  const object = await unlessMissing(driver.read(key));
  try {
    return object && (await readAll(object)).toString();
  } finally {
    await object?.close();
  }
}

async function* readObject(driver: BlobDriver, key: ObjectKey): AsyncGenerator<Uint8Array> {
  const object = await driver.read(key);
  try {
    yield* object.stream();
  } finally {
    await object.close();
  }
}

/** Opens a copy of the inventory: its files are beside the manifest, or in a folder `data` beside it or above it. */
async function openFolder(file: string): Promise<OpenSource> {
  const manifest = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new InvalidInventory(`cannot read ${file}: ${(error as Error).message}`);
  });
  const folders = [dirname(file), join(dirname(file), 'data'), join(dirname(file), '../data')];
  const locate = (key: string) => {
    const found = folders.map((folder) => join(folder, basename(key))).find((path) => existsSync(path));
    if (found === undefined) throw new InvalidInventory(`${basename(key)} is neither beside ${file} nor in a folder data`);
    return found;
  };
  return { source: { manifest, open: (key) => createReadStream(locate(key)) }, close: () => Promise.resolve() };
}
