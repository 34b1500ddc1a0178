import { join } from 'node:path';
import type { Config } from '../../config/schema.ts';
import { toStorageError, withOwner } from '../../storage/blobs/filesystem/errors.ts';
import { type OwnerLock, lockOwner } from '../../storage/metadata/sqlite/owner-lock.ts';
import { metadataFile } from './metadata-store.ts';

/**
 * Makes this process, with its workers, the only server of the data folder until it ends. Over PostgreSQL several servers
 * may share a folder: then nothing is locked. Commands beside the server need no lock. Throws `AlreadyOwned`.
 */
export function ownData({ storage }: Pick<Config, 'storage'>): OwnerLock {
  const { blobs, metadata } = storage;
  if (metadata.driver !== 'sqlite') return { release: () => undefined };
  const file = metadataFile({ storage });
  const locks: OwnerLock[] = [];
  const release = () => locks.forEach((lock) => lock.release());
  try {
    if (blobs.driver === 'filesystem')
      locks.push(lockOwner(join(blobs.directory, '.berth/owner.sqlite'), `the data folder ${blobs.directory}`));
    locks.push(lockOwner(`${file}.owner`, `the metadata ${file}`));
  } catch (error) {
    release();
    throw withOwner(toStorageError(error, `cannot use the directory ${blobs.directory}`), blobs.directory);
  }
  return { release };
}
