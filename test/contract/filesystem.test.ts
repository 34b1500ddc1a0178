import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFilesystemDriver } from '../../storage/blobs/filesystem.ts';
import { describeBlobDriver, describeObjectKeys } from './blob-driver.ts';

describeObjectKeys();

describeBlobDriver('filesystem', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'berth-contract-'));
  return {
    driver: await createFilesystemDriver({ directory }),
    reopen: () => createFilesystemDriver({ directory }),
    dispose: () => rm(directory, { recursive: true }),
  };
});
