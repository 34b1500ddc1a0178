import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { objectKey } from '../../storage/blobs/driver.ts';
import { createFilesystemDriver } from '../../storage/blobs/filesystem/filesystem-driver.ts';
import { watchBlobs } from '../../storage/blobs/watched.ts';
import { createOwnerTags } from '../../storage/owner-tag.ts';
import { describeBlobDriver, describeObjectKeys } from './blob-driver.ts';

describeObjectKeys();

/** The driver as servers use it: with its calls watched. */
async function open(directory: string) {
  return watchBlobs(await createFilesystemDriver({ directory }), (_operation, run) => run());
}

async function makeStore() {
  const directory = await mkdtemp(join(tmpdir(), 'berth-contract-'));
  return {
    directory,
    driver: await open(directory),
    reopen: () => open(directory),
    async dispose() {
      const temporary = await readdir(join(directory, '.berth/temporary'));
      await rm(directory, { recursive: true });
      expect(temporary).toEqual([]);
    },
  };
}

describeBlobDriver('filesystem', makeStore);

test('delete removes a folder that held only the object', async () => {
  const { driver, directory, dispose } = await makeStore();
  await driver.put(objectKey('ab/one/data'), Buffer.from('1'));
  await driver.put(objectKey('ab/two/data'), Buffer.from('2'));
  await driver.delete([objectKey('ab/one/data')]);
  expect(await readdir(join(directory, 'ab'))).toEqual(['two']);
  await dispose();
});

test('objects that are set aside and deleted beside each other are all found, although their folder comes and goes', async () => {
  const { driver, dispose } = await makeStore();
  const names = Array.from({ length: 400 }, (_, index) => `object${index}`);
  for (const name of names) await driver.put(objectKey(`data/${name}`), Buffer.from(name), { isDurable: false });
  const waiting = names.values();
  const missing: string[] = [];
  const work = async () => {
    for (const name of waiting) {
      const aside = objectKey(`aside/${name}`);
      await driver.move(objectKey(`data/${name}`), aside, { isDurable: false }).catch(() => missing.push(name));
      await driver.delete([aside]);
    }
  };
  await Promise.all(Array.from({ length: 8 }, work));
  expect(missing).toEqual([]);
  await driver.close();
  await dispose();
});

test('removeLeftovers deletes the files of crashed puts and none of a put in progress', async () => {
  const { directory, reopen, dispose } = await makeStore();
  const temporary = join(directory, '.berth/temporary');
  const { stdout: child } = await promisify(execFile)(process.execPath, ['-p', 'process.pid']);
  const [processes = ''] = (await createOwnerTags()).own.split('.');
  const crashed = [`${processes}.${child.trim()}.run.x`, `${processes}.${process.pid}.earlier.x`];
  const running = [`${processes}.${process.ppid}.run.x`, `elsewhere.${child.trim()}.run.x`];
  const longAgo = new Date(Date.now() - 2 * 60 * 60 * 1000);
  for (const name of [...crashed, ...running, 'elsewhere.1.run.old']) await writeFile(join(temporary, name), 'half');
  await utimes(join(temporary, 'elsewhere.1.run.old'), longAgo, longAgo);
  const reopened = await reopen();
  expect(await readdir(temporary)).toHaveLength(crashed.length + running.length + 1);
  await reopened.removeLeftovers?.();
  await reopened.close();
  expect((await readdir(temporary)).sort()).toEqual(running.sort());
  for (const name of running) await rm(join(temporary, name));
  await dispose();
});

test('listEntries yields foreign names and symbolic links, and follows those that lead to the prefix', async () => {
  const { driver, directory, dispose } = await makeStore();
  await mkdir(join(directory, 'real/in side'), { recursive: true });
  await writeFile(join(directory, 'real/in side/ä'), 'x');
  await symlink('in side', join(directory, 'real/link'));
  await symlink('real', join(directory, 'way'));
  const entries: unknown[] = [];
  for await (const { path, kind } of driver.listEntries('way/')) entries.push([path, kind]);
  expect(entries).toEqual([
    ['way/in side/ä', 'object'],
    ['way/link', 'symlink'],
  ]);
  await dispose();
});

test('an upload whose folder a crash left without a file begins empty', async () => {
  const { driver, directory, dispose } = await makeStore();
  await mkdir(join(directory, '.berth/growing/uploads%1'));
  const appender = await driver.openAppender(objectKey('uploads/1'), { resume: 'ifStored' });
  expect(appender.sizeBytes).toBe(0);
  await appender.abort();
  await driver.close();
  await dispose();
});
