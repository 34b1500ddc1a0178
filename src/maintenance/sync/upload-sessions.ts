import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { Digest } from '../../oci/digest.ts';
import type { RepositoryName } from '../../oci/reference.ts';

/** Remembers unfinished uploads of an entry, so that the next run continues them. */
export interface UploadSessions {
  find(repository: RepositoryName, digest: Digest): Promise<string | undefined>;
  put(repository: RepositoryName, digest: Digest, session: string): Promise<void>;
  remove(repository: RepositoryName, digest: Digest): Promise<void>;
}

export function createUploadSessions(
  { syncUploads }: Pick<MetadataStore, 'syncUploads'>,
  entry: string,
  now: () => number,
): UploadSessions {
  return {
    find: (repository, digest) => syncUploads.find(entry, repository, digest),
    put: (repository, digest, session) => syncUploads.put(entry, repository, digest, session, now()),
    remove: (repository, digest) => syncUploads.remove(entry, repository, digest),
  };
}
