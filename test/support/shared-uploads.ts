import { join } from 'node:path';
import { createLeases } from '../../src/coordination/leases.ts';
import { type Uploads, createUploads } from '../../src/registry/uploads.ts';
import type { BlobDriver } from '../../storage/blobs/driver.ts';
import { createFilesystemDriver } from '../../storage/blobs/filesystem/filesystem-driver.ts';
import { createSqliteStore } from '../../storage/metadata/sqlite/sqlite-store.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';

export interface SharedUploads {
  readonly uploads: Uploads;
  readonly driver: BlobDriver;
  readonly metadata: MetadataStore;
  close(): Promise<void>;
}

/** The uploads of one of several processes that serve the same folder. `now`: its clock, milliseconds since 1970. */
export async function openSharedUploads(
  directory: string,
  now: () => number,
  quietMilliseconds?: number,
): Promise<SharedUploads> {
  const driver = await createFilesystemDriver({ directory });
  const metadata = await createSqliteStore({ file: join(directory, 'metadata.sqlite') });
  const uploads = createUploads({
    driver,
    metadata,
    now,
    leases: createLeases({ metadata, now }),
    ...(quietMilliseconds !== undefined && { quietMilliseconds }),
  });
  return {
    uploads,
    driver,
    metadata,
    async close() {
      await uploads.close();
      await metadata.close();
      await driver.close();
    },
  };
}
