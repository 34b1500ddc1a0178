import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { loadConfig } from '../../../config/load.ts';
import { openStoreInventory } from '../../../src/assembly/adoption/inventory.ts';
import type { BlobDriver, StoredEntry } from '../../../storage/blobs/driver.ts';
import { createFilesystemDriver } from '../../../storage/blobs/filesystem/filesystem-driver.ts';
import { readRows } from '../../../storage/blobs/inventory/csv.ts';
import { type InventoryListing, openInventory } from '../../../storage/blobs/inventory/inventory-listing.ts';
import { InvalidInventory, parseInventoryManifest } from '../../../storage/blobs/inventory/manifest.ts';
import { createSqliteStore } from '../../../storage/metadata/sqlite/sqlite-store.ts';
import { contentOf, odditiesOf, run } from '../../contract/adoption.ts';
import { createDistributionStore } from '../../support/distribution-store.ts';
import { type TestInventory, createInventory } from '../../support/inventory.ts';

const below = 'docker/registry/v2/';
const bucket = 'images';
const prefix = 'some store/';

let directory: string;
let driver: BlobDriver;
let opened: string[];
let closing: (() => unknown)[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-inventory-'));
  driver = await createFilesystemDriver({ directory: join(directory, 'store') });
  opened = [];
  closing = [() => driver.close()];
});
afterEach(async () => {
  for (const close of closing.reverse()) await close();
  await rm(directory, { recursive: true });
});

async function entriesOf(from: Pick<BlobDriver, 'listEntries'>): Promise<readonly StoredEntry[]> {
  const found: StoredEntry[] = [];
  for await (const entry of from.listEntries(below)) found.push(entry);
  return found;
}

/** Opens the listing of an inventory; files of it are noted in `opened`. */
async function open({ manifest, files }: TestInventory, onFile: () => void = () => undefined): Promise<InventoryListing> {
  async function* bytesOf(key: string): AsyncGenerator<Uint8Array> {
    opened.push(key);
    const bytes = files.get(key) ?? Buffer.alloc(0);
    // In small pieces, as a network brings them.
    for (let start = 0; start < bytes.length; start += 7) yield await Promise.resolve(bytes.subarray(start, start + 7));
  }
  const listing = await openInventory({
    source: { manifest, open: bytesOf },
    driver,
    bucket,
    prefix,
    below,
    indexFile: join(directory, 'inventory.sqlite'),
    signal: new AbortController().signal,
    onFile,
  });
  closing.push(() => listing.close());
  return listing;
}

/** Stores images and what else a registry leaves behind. */
async function fill(): Promise<readonly StoredEntry[]> {
  const store = createDistributionStore(driver);
  for (const repository of ['a', 'a/sub', 'a-b', 'team/app']) await store.putImage(repository, '1');
  await store.putFile('a/_uploads/1/data', 'half');
  return entriesOf(driver);
}

describe('an S3 Inventory', () => {
  test('lists a store as the bucket does, and an adoption reads the same from both', async () => {
    const entries = await fill();
    const key = `${prefix}${entries[0]?.path ?? ''}`;
    const listing = await open(
      createInventory(entries, {
        bucket,
        prefix,
        extra: [
          {
            Key: `${prefix}docker/registry/v2/deleted`,
            IsDeleteMarker: 'true',
            Size: '',
            LastModifiedDate: '2020-01-01T00:00:00.000Z',
          },
          { Key: key, IsLatest: 'false', Size: '1', LastModifiedDate: '2020-01-01T00:00:00.000Z' },
          { Key: 'elsewhere/docker/registry/v2/x', Size: '1', LastModifiedDate: '2020-01-01T00:00:00.000Z' },
          { Key: `${prefix}docker/registry/v2/x`, Bucket: 'other', Size: '1', LastModifiedDate: '2020-01-01T00:00:00.000Z' },
        ],
      }),
    );
    expect(await entriesOf(listing)).toEqual(
      entries.map((entry) => ({ ...entry, modifiedAt: new Date(entry.modifiedAt.toISOString()) })),
    );
    const contents = await Promise.all(
      [driver.listEntries, listing.listEntries].map(async (listEntries, index) => {
        const metadata = await createSqliteStore({ file: join(directory, `${index}.sqlite`) });
        closing.push(() => metadata.close());
        const stores = { driver: { ...driver, listEntries }, metadata, dispose: () => Promise.resolve() };
        await run(stores);
        return { content: await contentOf(stores), oddities: await odditiesOf(stores) };
      }),
    );
    expect(contents[1]).toEqual(contents[0]);
    expect(contents[0]?.content).toHaveLength(4 * 4);
    expect(contents[0]?.oddities).toEqual(['unfinished-upload a/_uploads/1/']);
  });

  test('without sizes and times is completed from the store, object by object', async () => {
    const entries = await fill();
    const gone = { path: `${below}blobs/gone`, kind: 'object' as const, sizeBytes: 1, modifiedAt: new Date(0) };
    const listing = await open(createInventory([...entries, gone], { bucket, prefix, columns: ['Bucket', 'Key'] }));
    expect((await entriesOf(listing)).map(({ path, sizeBytes }) => ({ path, sizeBytes }))).toEqual(
      entries.map(({ path, sizeBytes }) => ({ path, sizeBytes })),
    );
  });

  test('that was interrupted reads each file once', async () => {
    const entries = await fill();
    const inventory = createInventory(entries, { bucket, prefix });
    const [first = '', ...others] = inventory.files.keys();
    const stop = () => {
      throw new Error('interrupted');
    };
    await expect(open(inventory, stop)).rejects.toThrow('interrupted');
    expect(opened.splice(0)).toEqual([first]);
    const listing = await open(inventory);
    expect(opened.splice(0)).toEqual(others);
    expect(await entriesOf(listing)).toHaveLength(entries.length);
    listing.close();
    const newer = createInventory(entries.slice(1), { bucket, prefix });
    expect(await entriesOf(await open(newer))).toHaveLength(entries.length - 1);
    expect(opened).toEqual([first, ...others]);
  });

  test.each<[string, (index: Buffer) => Buffer]>([
    ['that is no database', () => Buffer.from('no database')],
    ['that was cut off', (index) => index.subarray(0, index.length - 4096)],
    ['with a page of other bytes', (index) => index.fill(0xff, index.length - 4096)],
  ])('is read again from its beginning if an interrupted run has left an index %s', async (_damage, damage) => {
    const entries = await fill();
    const inventory = createInventory(entries, { bucket, prefix });
    (await open(inventory)).close();
    expect(opened.splice(0)).toHaveLength(3);
    const index = join(directory, 'inventory.sqlite');
    await writeFile(index, damage(await readFile(index)));
    expect(await entriesOf(await open(inventory))).toHaveLength(entries.length);
    expect(opened).toEqual([...inventory.files.keys()]);
  });

  test.each([
    ['some folder/manifest.json', 'berth cannot read "some folder/manifest.json" from a bucket'],
    ['all/manifest.json', 'berth cannot read "hive/dt=1/part-0.csv.gz" from a bucket'],
  ])('below keys that berth does not read is refused with advice: %s', async (key, message) => {
    const { manifest } = createInventory(await fill(), { bucket, folder: 'hive/dt=1' });
    const bucketServer = createServer((_, response) => response.setHeader('ETag', '"1"').end(manifest));
    await once(bucketServer.listen(0, '127.0.0.1'), 'listening');
    closing.push(() => bucketServer.close());
    const { storage } = loadConfig({
      environment: {
        BERTH_STORAGE_BLOBS_DRIVER: 's3',
        BERTH_STORAGE_BLOBS_DIRECTORY: directory,
        BERTH_STORAGE_BLOBS_S3_BUCKET: bucket,
        BERTH_STORAGE_BLOBS_S3_REGION: 'us-east-1',
        BERTH_STORAGE_BLOBS_S3_ENDPOINT: `http://127.0.0.1:${(bucketServer.address() as AddressInfo).port}`,
        BERTH_STORAGE_BLOBS_S3_FORCE_PATH_STYLE: 'true',
        BERTH_STORAGE_BLOBS_S3_ACCESS_KEY_ID: 'id',
        BERTH_STORAGE_BLOBS_S3_SECRET_ACCESS_KEY: 'secret',
      },
    });
    const options = { driver, below, signal: new AbortController().signal, onFile: () => undefined };
    const opening = openStoreInventory(storage.blobs, { location: `s3://inventories/${key}`, ...options });
    await expect(opening).rejects.toThrow(message);
    await expect(opening).rejects.toThrow('download the folder of the inventory');
    await expect(opening).rejects.toBeInstanceOf(InvalidInventory);
  });

  test('with a damaged file is refused, and takes nothing from this file', async () => {
    const entries = await fill();
    const inventory = createInventory(entries, { bucket, prefix });
    const [key = ''] = inventory.files.keys();
    const damaged = new Map(inventory.files).set(key, createInventory([], { bucket }).files.get(key) ?? Buffer.alloc(0));
    await expect(open({ ...inventory, files: damaged })).rejects.toThrow('does not have the checksum of the manifest');
    await expect(open({ ...inventory, files: new Map() })).rejects.toThrow(key);
    expect(await entriesOf(await open(inventory))).toHaveLength(entries.length);
  });

  test.each([
    ['no JSON', 'it is not a JSON object'],
    ['{}', 'it is not the manifest.json of an S3 Inventory'],
    [
      JSON.stringify({ sourceBucket: bucket, fileFormat: 'ORC', fileSchema: 'struct<>', files: [] }),
      'configure an inventory in CSV',
    ],
    [JSON.stringify({ sourceBucket: bucket, fileFormat: 'CSV', fileSchema: 'Bucket', files: [] }), 'no column Key'],
    [
      JSON.stringify({ sourceBucket: bucket, fileFormat: 'CSV', fileSchema: 'Bucket, Key', files: [{ key: 'x' }] }),
      'MD5 checksum',
    ],
  ])('with the manifest %s is refused', (manifest, message) => {
    expect(() => parseInventoryManifest(manifest)).toThrow(message);
  });

  test('of another bucket is refused', async () => {
    await expect(open(createInventory([], { bucket: 'other' }))).rejects.toThrow(
      'it lists the bucket other, but the store is in images',
    );
  });

  test('has fields with quotes, commas and line breaks, and no row without an end', async () => {
    const rows = async (...pieces: readonly string[]) => {
      const found: (readonly string[])[] = [];
      async function* text(): AsyncGenerator<string> {
        for (const piece of pieces) yield await Promise.resolve(piece);
      }
      for await (const row of readRows(text())) found.push(row);
      return found;
    };
    expect(await rows('"a","b ""c"" ', ', d"\n', 'x,,"1\n2"\r\n', '"last",""')).toEqual([
      ['a', 'b "c" , d'],
      ['x', '', '1\n2'],
      ['last', ''],
    ]);
    await expect(rows('"', 'x'.repeat(70_000))).rejects.toThrow('does not end');
  });
});
