import type { NewManifest } from '../../storage/metadata/queries/manifests.ts';

/** Returns the record of a manifest without references and tags, and with the `fields`. */
export function newManifest(
  fields: Partial<NewManifest> & Pick<NewManifest, 'repository' | 'digest' | 'now' | 'author'>,
): NewManifest {
  return {
    mediaType: 'type/m',
    sizeBytes: 1,
    artifactType: null,
    subject: null,
    annotations: null,
    blobs: [],
    children: [],
    acceptMissing: false,
    tags: [],
    ...fields,
  };
}
