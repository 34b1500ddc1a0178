import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import type { Config } from '../../../config/schema.ts';
import { type BlobDriver, type ObjectKey, objectKey } from '../../../storage/blobs/driver.ts';
import { readAll } from '../../../storage/blobs/missing.ts';
import { openBlobStore } from '../../assembly/blob-store.ts';
import { type Finding, ok, problem, reasonOf, skipped } from './finding.ts';

const blobs = 'blob store';

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
    return await tryOperations(driver);
  } finally {
    await driver.close();
  }
}

/** An operation that berth needs, and the rights of S3 that it takes. */
interface Step {
  readonly operation: string;
  readonly rights: string;
  readonly run: () => Promise<unknown>;
}

/** Tries each operation, also after one has failed: all missing rights are reported at once. */
async function tryOperations(driver: BlobDriver): Promise<readonly Finding[]> {
  const key = objectKey(`berth-doctor-${randomUUID()}`);
  const uploaded = objectKey(`${key}-upload`);
  const findings: Finding[] = [];
  for (const { operation, rights, run } of stepsOf(driver, key, uploaded)) {
    try {
      await run();
    } catch (error) {
      const advice =
        driver.name === 's3'
          ? `check the service, and that the access key has ${rights} (docs/s3.md)`
          : 'check the disk, and that the user of berth can read and write there';
      findings.push(problem(blobs, `cannot ${operation} an object in ${driver.name}: ${reasonOf(error)}`, advice));
      // The other operations need the object.
      if (operation === 'write') break;
    }
  }
  if (findings.length > 0) return findings;
  return [ok(blobs, `${driver.name}: objects can be written durably, read, listed, uploaded in parts and deleted`)];
}

function stepsOf(driver: BlobDriver, key: ObjectKey, uploaded: ObjectKey): readonly Step[] {
  const bytes = Buffer.from('written by berth doctor');
  return [
    { operation: 'write', rights: 's3:PutObject', run: () => driver.put(key, bytes) },
    { operation: 'read the size of', rights: 's3:GetObject', run: () => driver.stat(key) },
    {
      operation: 'read',
      rights: 's3:GetObject',
      async run() {
        const object = await driver.read(key);
        const read = await readAll(object).finally(() => object.close());
        if (!read.equals(bytes)) throw new Error('it has other bytes than were written');
      },
    },
    {
      operation: 'list',
      rights: 's3:ListBucket',
      async run() {
        for await (const listed of driver.list('berth-doctor-')) if (listed === key) return;
        throw new Error('it is not in the listing');
      },
    },
    {
      operation: 'upload in parts',
      rights: 's3:PutObject, s3:AbortMultipartUpload, s3:ListMultipartUploadParts and s3:ListBucketMultipartUploads',
      run: () => upload(driver, uploaded, bytes),
    },
    {
      operation: 'delete',
      rights: 's3:DeleteObject',
      async run() {
        const [failure] = (await driver.delete([key, uploaded])).values();
        if (failure) throw failure;
      },
    },
  ];
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
