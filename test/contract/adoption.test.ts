import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from '@jest/globals';
import { createFilesystemDriver } from '../../storage/blobs/filesystem/filesystem-driver.ts';
import { createS3Driver } from '../../storage/blobs/s3/s3-driver.ts';
import { createPostgresStore } from '../../storage/metadata/postgres/postgres-store.ts';
import { createSqliteStore } from '../../storage/metadata/sqlite/sqlite-store.ts';
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

  describeAdoption('S3 and PostgreSQL', async () => {
    const database: Database = await createDatabase();
    const metadata = await createPostgresStore({ url: database.url, connections: 5 });
    const place = { ...bucket, bucket: bucket.name, forcePathStyle: true };
    const driver = createS3Driver({ ...place, prefix: `store/${stores++}`, stallMilliseconds: 5000 });
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
