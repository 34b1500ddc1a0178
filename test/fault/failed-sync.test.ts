import { randomBytes } from 'node:crypto';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type BlobDriver, objectKey } from '../../storage/blobs/driver.ts';
import { createFilesystemDriver } from '../../storage/blobs/filesystem/filesystem-driver.ts';
import { chunked, contentOf } from '../contract/blob-driver/fixtures.ts';

type Sync = 'sync' | 'datasync';

let directory: string;
let driver: BlobDriver;
let handles: Record<Sync, () => Promise<void>>;
let restore: () => void;
/** Which calls fail, counted from 1. */
let failing: Partial<Record<Sync, number>>;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-failed-sync-'));
  driver = await createFilesystemDriver({ directory });
  const file = await open(directory);
  handles = Object.getPrototypeOf(file) as typeof handles;
  await file.close();
  failing = {};
  const { sync, datasync } = handles;
  restore = () => Object.assign(handles, { sync, datasync });
  for (const [name, method] of Object.entries({ sync, datasync }) as [Sync, () => Promise<void>][]) {
    let calls = 0;
    handles[name] = async function (this: unknown) {
      if (++calls === failing[name]) throw Object.assign(new Error(`EIO: i/o error, ${name}`), { code: 'EIO' });
      await method.call(this);
    };
  }
});
afterEach(async () => {
  restore();
  await driver.close();
  await rm(directory, { recursive: true });
});

const [key, target] = [objectKey('uploads/1'), objectKey('blobs/1')];
const bytes = randomBytes(100_000);

test('after a failed sync of its file an upload has no byte that the next sync could confirm', async () => {
  failing = { datasync: 1 };
  const appender = await driver.openAppender(key, { resume: false });
  await appender.append(chunked(bytes, 10_000));
  await expect(appender.publish(target)).rejects.toMatchObject({ code: 'unavailable' });
  expect(appender.sizeBytes).toBe(0);
  await expect(driver.stat(target)).rejects.toMatchObject({ code: 'not_found' });
  await appender.append(chunked(bytes, 10_000));
  await appender.commit(target);
  expect((await contentOf(driver, target)).equals(bytes)).toBe(true);
});

test('after a failed sync of the folder the object is published anew, from another file', async () => {
  const appender = await driver.openAppender(key, { resume: false });
  await appender.append(chunked(bytes, 10_000));
  failing = { sync: 2 }; // the first one makes the folder `blobs` durable
  await expect(appender.publish(target)).rejects.toMatchObject({ code: 'unavailable' });
  const unconfirmed = await inode(target);
  await appender.commit(target);
  expect(await inode(target)).not.toBe(unconfirmed);
  expect((await contentOf(driver, target)).equals(bytes)).toBe(true);
});

async function inode(path: string): Promise<number> {
  const file = await open(join(directory, path));
  try {
    return (await file.stat()).ino;
  } finally {
    await file.close();
  }
}

test('a file that cannot be synced is not adopted, and is removed', async () => {
  const path = join(directory, 'download');
  await writeFile(path, bytes);
  failing = { datasync: 1 };
  await expect(driver.adoptFile?.(path, target)).rejects.toMatchObject({ code: 'unavailable' });
  await expect(readFile(path)).rejects.toMatchObject({ code: 'ENOENT' });
  await expect(driver.stat(target)).rejects.toMatchObject({ code: 'not_found' });
});
