import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { objectKey } from '../../storage/blobs/driver.ts';
import { createFilesystemDriver } from '../../storage/blobs/filesystem.ts';
import { describeBlobDriver, describeObjectKeys } from './blob-driver.ts';

describeObjectKeys();

async function makeStore() {
  const directory = await mkdtemp(join(tmpdir(), 'berth-contract-'));
  return {
    directory,
    driver: await createFilesystemDriver({ directory }),
    reopen: () => createFilesystemDriver({ directory }),
    async dispose() {
      const temporary = await readdir(join(directory, '.berth/temporary'));
      await rm(directory, { recursive: true });
      expect(temporary).toEqual([]);
    },
  };
}

describeBlobDriver('filesystem', makeStore);

test('delete takes away the folder that held only the object', async () => {
  const { driver, directory, dispose } = await makeStore();
  await driver.put(objectKey('ab/one/data'), Buffer.from('1'));
  await driver.put(objectKey('ab/two/data'), Buffer.from('2'));
  await driver.delete([objectKey('ab/one/data')]);
  expect(await readdir(join(directory, 'ab'))).toEqual(['two']);
  await dispose();
});

test('opening removes what a crash left of a put long ago, and nothing of a put in progress', async () => {
  const { directory, reopen, dispose } = await makeStore();
  const temporary = join(directory, '.berth/temporary');
  await writeFile(join(temporary, 'crashed'), 'half');
  const longAgo = new Date(Date.now() - 2 * 60 * 60 * 1000);
  await utimes(join(temporary, 'crashed'), longAgo, longAgo);
  await writeFile(join(temporary, 'running'), 'half');
  await (await reopen()).close();
  expect(await readdir(temporary)).toEqual(['running']);
  await rm(join(temporary, 'running'));
  await dispose();
});
