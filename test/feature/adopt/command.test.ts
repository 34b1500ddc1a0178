import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { adopt } from '../../../src/maintenance/adopt/adopt.ts';
import type { RepositoryName } from '../../../src/oci/reference.ts';
import { linksMarker, repositoriesPrefix } from '../../../storage/blobs/distribution-links.ts';
import { type BlobDriver, objectKey } from '../../../storage/blobs/driver.ts';
import { createFilesystemDriver } from '../../../storage/blobs/filesystem/filesystem-driver.ts';
import { createSqliteStore } from '../../../storage/metadata/sqlite/sqlite-store.ts';
import { runCommand } from '../../support/command.ts';
import { createDistributionStore } from '../../support/distribution-store.ts';

let directory: string;
let driver: BlobDriver;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-adopt-command-'));
  driver = await createFilesystemDriver({ directory });
});
afterEach(async () => {
  await driver.close();
  await rm(directory, { recursive: true });
});

const berthAdopt = (...options: readonly string[]) =>
  runCommand(['adopt', ...options], { BERTH_STORAGE_BLOBS_DIRECTORY: directory });
const openMetadata = () => createSqliteStore({ file: join(directory, 'metadata.sqlite') });

/** Interrupts a run after it has read everything, and before it is complete. */
async function interruptRun(): Promise<void> {
  const metadata = await openMetadata();
  const onProgress = ({ part }: { part: number }) => {
    if (part === 1) throw new Error('interrupted');
  };
  const options = { now: Date.now, maxManifestBytes: 1_000_000, includesCache: false, signal: new AbortController().signal };
  await expect(adopt({ driver, metadata, ...options, onProgress })).rejects.toThrow('interrupted');
  await metadata.close();
}

test('--finish after an interrupted run reads again what the old registry has changed since', async () => {
  const store = createDistributionStore(driver);
  await store.putImage('team/app', '1');
  await interruptRun();
  const later = await store.putImage('team/app', 'later');
  const { code, stdout } = await berthAdopt('--finish');
  expect([code, stdout]).toEqual([0, expect.stringContaining('the adoption is finished')]);
  const metadata = await openMetadata();
  expect(await metadata.distribution.findTag('team/app' as RepositoryName, 'later')).toBe(later.digest);
  await metadata.close();
});

test('--finish of a cache completes after a crash that left no link and no marker, and can be repeated', async () => {
  const store = createDistributionStore(driver);
  await driver.put(objectKey('scheduler-state.json'), Buffer.from('{}'));
  await store.putImage('library/alpine', '3');
  expect((await berthAdopt('--upstream', 'docker.io')).code).toBe(0);
  const metadata = await openMetadata();
  await metadata.adoption.finish({ actor: 'test', address: '', at: 1 });
  await metadata.close();
  for await (const key of driver.list(repositoriesPrefix)) await driver.delete([key]);
  for (let times = 0; times < 2; times++) {
    const { code, stdout } = await berthAdopt('--finish');
    expect([code, stdout]).toEqual([0, expect.stringContaining('the adoption is finished')]);
    expect(await driver.stat(linksMarker)).toBeDefined();
  }
  expect((await berthAdopt()).stderr).toContain('the adoption is finished');
});

test('--upstream refuses a store that no pull-through cache has written, unless --assume-cache confirms it', async () => {
  await createDistributionStore(driver).putImage('team/app', '1');
  const { code, stderr } = await berthAdopt('--upstream', 'docker.io', '--finish');
  expect([code, stderr]).toEqual([1, expect.stringContaining('--upstream is for the store of a pull-through cache')]);
  expect((await berthAdopt('--assume-cache')).stderr).toContain('--assume-cache needs --upstream NAME');
  expect((await berthAdopt('--upstream', 'docker.io', '--assume-cache')).code).toBe(0);
});
