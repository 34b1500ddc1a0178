import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { StoredEntry } from '../../storage/blobs/driver.ts';
import { createFilesystemDriver } from '../../storage/blobs/filesystem/filesystem-driver.ts';
import { createS3Driver } from '../../storage/blobs/s3/s3-driver.ts';
import { createPostgresStore } from '../../storage/metadata/postgres/postgres-store.ts';
import { createSqliteStore } from '../../storage/metadata/sqlite/sqlite-store.ts';
import { s3Settings } from '../support/blobs.ts';
import { runCommand } from '../support/command.ts';
import { createDistributionStore } from '../support/distribution-store.ts';
import { createInventory } from '../support/inventory.ts';
import { type Database, createDatabase, postgresPrograms } from '../support/postgres.ts';
import { describeWith } from '../support/requires.ts';
import { type TestBucket, createBucket, s3Programs } from '../support/s3-server.ts';
import { describeAdoption } from './adoption.ts';

describeAdoption('a folder and SQLite', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'berth-adoption-'));
  const driver = await createFilesystemDriver({ directory });
  const metadata = await createSqliteStore({ file: join(directory, 'metadata.sqlite') });
  return {
    driver,
    metadata,
    async dispose() {
      await metadata.close();
      await driver.close();
      await rm(directory, { recursive: true });
    },
  };
});

describeWith([...s3Programs, ...postgresPrograms], 'remote stores', () => {
  let bucket: TestBucket;
  let stores = 0;

  beforeAll(async () => {
    bucket = await createBucket();
  }, 180_000);
  afterAll(() => bucket.remove(), 60_000);

  test('berth adopt --inventory reads the inventory from a bucket in the first run; later runs list the bucket', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'berth-adoption-'));
    const place = { ...bucket, bucket: bucket.name, forcePathStyle: true, stallMilliseconds: 30_000 };
    const driver = createS3Driver({ ...place, prefix: 'inventoried' });
    const store = createDistributionStore(driver);
    await store.putImage('team/app', '1');
    const entries: StoredEntry[] = [];
    for await (const entry of driver.listEntries('docker/')) entries.push(entry);
    const { manifest, files } = createInventory(entries, { bucket: bucket.name, prefix: 'inventoried/' });
    for (const [Key, Body] of [...files, ['inventory/manifest.json', manifest] as const])
      await bucket.s3.putObject({ Bucket: bucket.name, Key, Body });
    await store.putImage('team/app', 'later');
    const environment = {
      ...s3Settings(bucket),
      BERTH_STORAGE_BLOBS_S3_PREFIX: 'inventoried',
      BERTH_STORAGE_BLOBS_DIRECTORY: directory,
    };
    const adopt = (...options: readonly string[]) => runCommand(['adopt', '--json', ...options], environment);
    const inventory = ['--inventory', `s3://${bucket.name}/inventory/manifest.json`];
    expect((await adopt('--inventory', `s3://${bucket.name}/none.json`)).stderr).toContain('none.json does not exist');
    expect((await adopt(...inventory, '--finish')).stderr).toContain('--inventory is for the first run');
    const first = await adopt(...inventory);
    expect([first.code, first.stderr, JSON.parse(first.stdout)]).toMatchObject([
      0,
      expect.any(String),
      { tags: 1, oddities: {} },
    ]);
    expect(await readdir(join(directory, '.berth'))).not.toContain('inventory.sqlite');
    expect((await adopt(...inventory)).stderr).toContain('--inventory is for the first run');
    const last = await adopt('--finish');
    expect(JSON.parse(last.stdout)).toMatchObject({ tags: 2, oddities: {} });
    await driver.close();
    await rm(directory, { recursive: true });
  }, 120_000);

  describeAdoption('S3 and PostgreSQL', async () => {
    const database: Database = await createDatabase();
    const metadata = await createPostgresStore({ url: database.url, connections: 5 });
    const place = { ...bucket, bucket: bucket.name, forcePathStyle: true };
    const driver = createS3Driver({ ...place, prefix: `store/${stores++}`, stallMilliseconds: 30_000 });
    return {
      driver,
      metadata,
      async dispose() {
        await driver.close();
        await metadata.close();
        await database.drop();
      },
    };
  });
});
