import type { Config } from '../../config/schema.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import { type ArchiveImports, createArchiveImports } from '../archives/in/imports.ts';
import { type ArchiveExports, createArchiveExports } from '../archives/out/exports.ts';
import type { RepositoryName } from '../oci/reference.ts';
import type { JobRecorder } from '../progress/job-recorder.ts';
import type { Registry } from '../registry/registry.ts';
import { namespaceOf } from '../upstream/upstream.ts';

export interface ArchiveParts {
  readonly registry: Pick<Registry, 'manifests' | 'blobs' | 'uploads' | 'batches' | 'signatures'>;
  readonly metadata: MetadataStore;
  /** Returns the names of the upstreams. */
  readonly upstreams: () => readonly string[];
}

/** Creates the export of images as files. */
export function openArchiveExports({ registry, metadata, upstreams }: ArchiveParts): ArchiveExports {
  return createArchiveExports({ ...registry, isMirrored: mirroredIn(upstreams, metadata) });
}

/** Creates the import of images from files. `now` in milliseconds since 1970. */
export function openArchiveImports(
  config: Config,
  { registry, metadata, upstreams }: ArchiveParts,
  now: () => number,
  recorder: JobRecorder,
): ArchiveImports {
  const { maxSize, maxEntries } = config.archives;
  const limits = { maxBytes: maxSize, maxEntries };
  const expireAfter = config.uploads.expireAfter * 1000;
  const isMirrored = mirroredIn(upstreams, metadata);
  return createArchiveImports({ ...registry, metadata, limits, expireAfter, isMirrored, recorder, now });
}

/** Returns a check whether a repository belongs to an upstream: then pulls fetch what is not stored. */
function mirroredIn(
  upstreams: ArchiveParts['upstreams'],
  metadata: MetadataStore,
): (repository: RepositoryName) => Promise<boolean> {
  return async (repository) =>
    upstreams().some((name) => repository.startsWith(`${namespaceOf({ name })}/`)) &&
    !(await metadata.repositories.isPushed(repository));
}
