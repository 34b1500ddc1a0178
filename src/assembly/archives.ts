import type { Config } from '../../config/schema.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import { type ArchiveExports, createArchiveExports } from '../archives/out/exports.ts';
import type { RepositoryName } from '../oci/reference.ts';
import type { Blobs } from '../registry/blobs.ts';
import type { Manifests } from '../registry/manifests.ts';
import { namespaceOf } from '../upstream/upstream.ts';

export interface ArchiveParts {
  readonly manifests: Manifests;
  readonly blobs: Blobs;
  readonly metadata: MetadataStore;
}

/** Creates the export of images as files. */
export function openArchiveExports(config: Config, { manifests, blobs, metadata }: ArchiveParts): ArchiveExports {
  return createArchiveExports({ manifests, blobs, isMirrored: mirroredIn(config, metadata) });
}

/** Returns a check whether a repository belongs to an upstream: then pulls fetch what is not stored. */
export function mirroredIn(config: Config, metadata: MetadataStore): (repository: RepositoryName) => Promise<boolean> {
  const prefixes = Object.keys(config.mirror.upstreams).map((name) => `${namespaceOf({ name })}/`);
  return async (repository) =>
    prefixes.some((prefix) => repository.startsWith(prefix)) && !(await metadata.repositories.isPushed(repository));
}
