import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import type { Config } from '../../../config/schema.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { metadataFile, openMetadata } from '../../assembly/metadata-store.ts';
import { type Finding, ok, problem, reasonOf, skipped } from './finding.ts';

const database = 'database';

/** Writes and deletes a row: some logins may only read. */
async function tryToWrite({ leases }: MetadataStore): Promise<void> {
  const [name, holder, now] = [`berth-doctor-${randomUUID()}`, 'berth doctor', Date.now()];
  await leases.take(name, holder, now, now + 1000);
  await leases.release(name, holder);
}

/** Opens the metadata store, which checks the schema, the version of the server and the right to write. */
export async function checkDatabase(config: Config): Promise<readonly Finding[]> {
  const file = metadataFile(config);
  if (config.storage.metadata.driver === 'sqlite' && !existsSync(file)) return [skipped(database, `${file} does not exist yet`)];
  try {
    const metadata = await openMetadata(config);
    try {
      await metadata.check();
      await tryToWrite(metadata);
      return [ok(database, `${metadata.name} answers, has the schema of this version, and can be written`)];
    } finally {
      await metadata.close();
    }
  } catch (error) {
    const advice =
      config.storage.metadata.driver === 'postgres'
        ? 'check storage.metadata.url, that the server is running, and the rights of the login (docs/replicas.md)'
        : 'check storage.metadata.file; docs/backup.md says how to restore it';
    return [problem(database, reasonOf(error), advice)];
  }
}
