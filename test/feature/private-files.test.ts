import { chmod, mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { makePrivate, umaskFor } from '../../src/assembly/start/private-files.ts';
import { type TestBerth, startBerth } from '../support/berth.ts';
import { pushImage } from '../support/images.ts';

const modeOf = async (path: string) => ((await stat(path)).mode & 0o777).toString(8);

const privateFiles = ['metadata.sqlite 600', 'metadata.sqlite-shm 600', 'metadata.sqlite-wal 600'];

describe('the data folder', () => {
  let berth: TestBerth;
  beforeEach(async () => {
    berth = await startBerth({ BERTH_STORAGE_METADATA_DRIVER: 'sqlite', BERTH_STORAGE_METADATA_URL: '' });
  });
  afterEach(() => berth.close());

  async function metadataModes(): Promise<readonly string[]> {
    const names = (await readdir(berth.directory)).filter((name) => name.startsWith('metadata.sqlite')).sort();
    return Promise.all(names.map(async (name) => `${name} ${await modeOf(join(berth.directory, name))}`));
  }

  test('and the metadata are readable for their owner only', async () => {
    await pushImage(berth, 'app', '1');
    expect(await modeOf(berth.directory)).toBe('700');
    expect(await metadataModes()).toEqual(privateFiles);
  });

  test('and the metadata lose the permissions of other users at the start', async () => {
    await chmod(berth.directory, 0o755);
    await chmod(join(berth.directory, 'metadata.sqlite'), 0o644);
    await chmod(join(berth.directory, 'metadata.sqlite-wal'), 0o664);
    berth = await berth.restart();
    expect(await modeOf(berth.directory)).toBe('700');
    expect(await metadataModes()).toEqual(privateFiles);
  });
});

describe('permissions', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'berth-private-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  test('of a group folder keep the setgid bit and lose the group permissions', async () => {
    await chmod(folder, 0o2770);
    expect(await makePrivate(folder, join(folder, 'metadata.sqlite'))).toEqual([]);
    expect((await stat(folder)).mode & 0o7777).toBe(0o2700);
  });

  test('of a folder that all users share stay, and are reported', async () => {
    const data = join(folder, 'shared');
    await mkdir(data);
    await chmod(data, 0o1777);
    await writeFile(join(data, 'metadata.sqlite'), '', { mode: 0o644 });
    expect(await makePrivate(data, join(data, 'metadata.sqlite'))).toEqual([
      { path: data, mode: '777', reason: expect.stringContaining('shared with other users') },
    ]);
    expect([await modeOf(data), await modeOf(join(data, 'metadata.sqlite'))]).toEqual(['777', '600']);
  });

  test('that the file system does not change are reported', async () => {
    const kernelFolder = '/proc/self/task';
    const [exposed] = await makePrivate(kernelFolder, '/nowhere/metadata.sqlite');
    expect(exposed).toMatchObject({ path: kernelFolder, reason: expect.any(String) });
  });

  test("of new files are private in a folder of this user, and the group's in one of another", async () => {
    expect(umaskFor(folder)).toBe(0o077);
    expect(umaskFor(join(folder, 'missing'))).toBe(0o077);
    // A command that needs a folder that cannot be reached reports it itself.
    await symlink('endless', join(folder, 'endless'));
    expect(umaskFor(join(folder, 'endless'))).toBe(0o077);
    expect(umaskFor('/proc/1')).toBe(process.getuid?.() === 0 ? 0o077 : 0o007);
  });
});
