import { dirname, join } from 'node:path';
import type { Config } from '../../config/schema.ts';
import { makeFolders } from '../../storage/blobs/filesystem/durable.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';

/**
 * Opens the metadata store that the configuration names, and creates the SQLite file and its folder if they are missing.
 * `remembersReads`: for servers, which repeat their reads; a command does not, and SQLite then writes nothing when it is opened.
 */
export async function openMetadata(
  { storage }: Pick<Config, 'storage'>,
  { remembersReads } = { remembersReads: false },
): Promise<MetadataStore> {
  const { driver, url, connections } = storage.metadata;
  // Each driver loads only where it is used: it takes time and memory.
  if (driver === 'postgres' && url !== undefined) {
    const { createPostgresStore } = await import('../../storage/metadata/postgres/postgres-store.ts');
    return createPostgresStore({ url, connections });
  }
  const file = metadataFile({ storage });
  await makeFolders(dirname(file), 0o700);
  const { createSqliteStore } = await import('../../storage/metadata/sqlite/sqlite-store.ts');
  return createSqliteStore({ file, remembersReads });
}

/** Returns the path of the SQLite file. */
export function metadataFile({ storage }: Pick<Config, 'storage'>): string {
  return storage.metadata.file ?? join(storage.blobs.directory, 'metadata.sqlite');
}
