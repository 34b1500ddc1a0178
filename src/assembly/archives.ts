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
}

/** Creates the export of images as files. */
export function openArchiveExports(config: Config, { registry, metadata }: ArchiveParts): ArchiveExports {
  return createArchiveExports({ ...registry, isMirrored: mirroredIn(config, metadata) });
}

/** Creates the import of images from files. `now` in milliseconds since 1970. */
export function openArchiveImports(
  config: Config,
  { registry, metadata }: ArchiveParts,
  now: () => number,
  recorder: JobRecorder,
): ArchiveImports {
  const { maxSize, maxEntries } = config.archives;
  const limits = { maxBytes: maxSize, maxEntries };
  const expireAfter = config.uploads.expireAfter * 1000;
  const isMirrored = mirroredIn(config, metadata);
  return createArchiveImports({ ...registry, metadata, limits, expireAfter, isMirrored, recorder, now });
}

/** Returns a check whether a repository belongs to an upstream: then pulls fetch what is not stored. */
function mirroredIn(config: Config, metadata: MetadataStore): (repository: RepositoryName) => Promise<boolean> {
  const prefixes = Object.keys(config.mirror.upstreams).map((name) => `${namespaceOf({ name })}/`);
  return async (repository) =>
    prefixes.some((prefix) => repository.startsWith(prefix)) && !(await metadata.repositories.isPushed(repository));
}
