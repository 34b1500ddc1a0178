import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { adopt } from '../../../src/maintenance/adopt/adopt.ts';
import type { RepositoryName } from '../../../src/oci/reference.ts';
import type { BlobDriver } from '../../../storage/blobs/driver.ts';
import { createFilesystemDriver } from '../../../storage/blobs/filesystem/filesystem-driver.ts';
import { createSqliteStore } from '../../../storage/metadata/sqlite/sqlite-store.ts';
import { runCommand } from '../../support/command.ts';
import { createDistributionStore } from '../../support/distribution-store.ts';

let directory: string;
let driver: BlobDriver;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-adopt-command-'));
  driver = await createFilesystemDriver({ directory });
});
afterAll(async () => {
  await driver.close();
  await rm(directory, { recursive: true });
});

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
  const { code, stdout } = await runCommand(['adopt', '--finish'], { BERTH_STORAGE_BLOBS_DIRECTORY: directory });
  expect([code, stdout]).toEqual([0, expect.stringContaining('the adoption is finished')]);
  const metadata = await openMetadata();
  expect(await metadata.distribution.findTag('team/app' as RepositoryName, 'later')).toBe(later.digest);
  await metadata.close();
});
