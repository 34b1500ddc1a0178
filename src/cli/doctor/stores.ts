import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import type { Config } from '../../../config/schema.ts';
import { type BlobDriver, objectKey } from '../../../storage/blobs/driver.ts';
import { readAll } from '../../../storage/blobs/missing.ts';
import { openBlobStore } from '../../assembly/blob-store.ts';
import { metadataFile, openMetadata } from '../../assembly/metadata-store.ts';
import { type Finding, ok, problem, reasonOf, skipped } from './finding.ts';

const blobs = 'blob store';
const database = 'database';

/** Tries every operation that berth needs of the blob store, with an object that it deletes again. */
export async function checkBlobStore(config: Config): Promise<readonly Finding[]> {
  const { driver: kind, directory } = config.storage.blobs;
  if (kind === 'filesystem' && !existsSync(directory)) return [skipped(blobs, `${directory} does not exist yet`)];
  let driver: BlobDriver;
  try {
    driver = await openBlobStore(config.storage.blobs);
  } catch (error) {
    return [problem(blobs, reasonOf(error), 'check storage.blobs, and that the store is running')];
  }
  try {
    return [await tryOperations(driver)];
  } finally {
    await driver.close();
  }
}

async function tryOperations(driver: BlobDriver): Promise<Finding> {
  const key = objectKey(`berth-doctor-${randomUUID()}`);
  const uploaded = objectKey(`${key}-upload`);
  const bytes = Buffer.from('written by berth doctor');
  const steps: readonly (readonly [operation: string, run: () => Promise<unknown>])[] = [
    ['write', () => driver.put(key, bytes)],
    ['read the size of', () => driver.stat(key)],
    [
      'read',
      async () => {
        const object = await driver.read(key);
        const read = await readAll(object).finally(() => object.close());
        if (!read.equals(bytes)) throw new Error('it has other bytes than were written');
      },
    ],
    [
      'list',
      async () => {
        for await (const listed of driver.list('berth-doctor-')) if (listed === key) return;
        throw new Error('it is not in the listing');
      },
    ],
    ['upload in parts', () => upload(driver, uploaded, bytes)],
    [
      'delete',
      async () => {
        const [failure] = (await driver.delete([key, uploaded])).values();
        if (failure) throw failure;
      },
    ],
  ];
  for (const [operation, run] of steps) {
    try {
      await run();
    } catch (error) {
      await driver.delete([key, uploaded]).catch(() => undefined);
      const advice = 'give berth the rights to list, read, write and delete, and check the disk or the service (docs/s3.md)';
      return problem(blobs, `cannot ${operation} an object in ${driver.name}: ${reasonOf(error)}`, advice);
    }
  }
  return ok(blobs, `${driver.name}: objects can be written durably, read, listed, uploaded in parts and deleted`);
}

async function upload(driver: BlobDriver, key: ReturnType<typeof objectKey>, bytes: Buffer): Promise<void> {
  const appender = await driver.openAppender(key, { resume: false });
  try {
    await appender.append(once(bytes));
    await appender.commit(key);
  } finally {
    await appender.close();
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}

/** Opens the metadata store, which checks the schema, the version of the server and the right to write. */
export async function checkDatabase(config: Config): Promise<readonly Finding[]> {
  const file = metadataFile(config);
  if (config.storage.metadata.driver === 'sqlite' && !existsSync(file)) return [skipped(database, `${file} does not exist yet`)];
  try {
    const metadata = await openMetadata(config);
    try {
      await metadata.check();
      return [ok(database, `${metadata.name} answers, has the schema of this version, and can be written`)];
    } finally {
      await metadata.close();
    }
  } catch (error) {
    const advice =
      config.storage.metadata.driver === 'postgres'
        ? 'check storage.metadata.url, that the server is running, and the rights of the login (docs/replicas.md)'
        : 'check storage.metadata.file; docs/backup.md says how to restore it';
    return [problem(database, reasonOf(error), advice)];
  }
}
