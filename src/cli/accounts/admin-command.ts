import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Config } from '../../../config/schema.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { AdministrationError } from '../../access/accounts/administration-error.ts';
import type { Administration } from '../../access/accounts/administration.ts';
import { createAdministration } from '../../access/accounts/create-administration.ts';
import { metadataFile, openMetadata } from '../../assembly/metadata-store.ts';
import { readReservedNamespaces } from '../../assembly/reserved-namespaces.ts';
import { type Invocation, type Run, CommandError } from '../program/command.ts';

/** The invocation of a command that works on accounts and rights, with its stores. */
export interface AdminInvocation extends Invocation {
  readonly metadata: MetadataStore;
  readonly administration: Administration;
}

/** The actor in the audit log. Commands check no rights: their caller can read the configuration and the stores. */
const actor = { name: 'command line', address: '' };

/**
 * Makes a command of `run`: opens the metadata store, also beside a running server, which sees changes within a second, and
 * closes it afterwards. Rejects with `CommandError` if there is no store or the change is not possible.
 */
export function adminCommand(run: (invocation: AdminInvocation) => Promise<unknown>): Run {
  return async (invocation) => {
    const config = invocation.config();
    const reserved = readReservedNamespaces(config);
    invocation.warn(`using the data in ${locateMetadata(config)}`);
    if (config.access.mode === 'open')
      invocation.warn('access.mode is open in this configuration: the server ignores accounts and grants');
    const metadata = await openMetadata(config);
    try {
      await run({ ...invocation, metadata, administration: createAdministration(metadata, actor, Date.now, reserved) });
    } catch (error) {
      throw error instanceof AdministrationError ? new CommandError(error.message) : error;
    } finally {
      await metadata.close();
    }
  };
}

/**
 * Returns the location of the metadata for messages. Throws `CommandError` if the SQLite file is missing, unless `mayBeNew`: the
 * path is probably wrong.
 */
export function locateMetadata(config: Config, mayBeNew = false): string {
  const { driver, url = '' } = config.storage.metadata;
  if (driver === 'postgres') {
    const { host, pathname } = new URL(url);
    return `PostgreSQL at ${host}${pathname}`;
  }
  const file = resolve(metadataFile(config));
  if (mayBeNew || existsSync(file)) return file;
  throw new CommandError(
    `${file} does not exist: there is no data of berth. Name the configuration of the server with --config FILE, BERTH_CONFIG ` +
      'or BERTH_STORAGE_BLOBS_DIRECTORY; for a new server run berth serve first',
  );
}
