import { type ObjectKey, objectKey } from './driver.ts';

/**
 * Where CNCF Distribution keeps what repositories have: files that hold a digest, beside the blobs.
 *
 *   docker/registry/v2/repositories/<name>/
 *   ├── _layers/<algorithm>/<hex>/link                      the repository serves the blob
 *   └── _manifests/
 *       ├── revisions/<algorithm>/<hex>/link                the repository has the manifest
 *       └── tags/<tag>/
 *           ├── current/link                                the manifest of the tag
 *           └── index/<algorithm>/<hex>/link                each manifest that the tag ever had
 */
export const repositoriesPrefix = 'docker/registry/v2/repositories/';

/** Exists if berth writes the links: without it those in the store belong to another registry, which may be running. */
export const linksMarker = objectKey('links/written-by-berth');

const pathOf = (digest: string): string => digest.replace(':', '/');

export function layersPrefix(repository: string): string {
  return `${repositoriesPrefix}${repository}/_layers/`;
}

export function layerLink(repository: string, digest: string): ObjectKey {
  return objectKey(`${layersPrefix(repository)}${pathOf(digest)}/link`);
}

export function revisionsPrefix(repository: string): string {
  return `${repositoriesPrefix}${repository}/_manifests/revisions/`;
}

export function revisionLink(repository: string, digest: string): ObjectKey {
  return objectKey(`${revisionsPrefix(repository)}${pathOf(digest)}/link`);
}

export function tagsPrefix(repository: string): string {
  return `${repositoriesPrefix}${repository}/_manifests/tags/`;
}

/** Returns the prefix of everything of one tag. */
export function tagPrefix(repository: string, tag: string): string {
  return `${tagsPrefix(repository)}${tag}/`;
}

export function currentLink(repository: string, tag: string): ObjectKey {
  return objectKey(`${tagPrefix(repository, tag)}current/link`);
}

export function indexLink(repository: string, tag: string, digest: string): ObjectKey {
  return objectKey(`${tagPrefix(repository, tag)}index/${pathOf(digest)}/link`);
}
