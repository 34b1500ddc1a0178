import { type Digest, parseDigest } from '../../src/oci/digest.ts';
import { type ObjectKey, objectKey } from './driver.ts';

/**
 * The keys of objects. The tree is that of CNCF Distribution, so that berth can adopt a folder or bucket of registry:2 in place:
 *
 *   docker/registry/v2/
 *   └── blobs/<algorithm>/<first two hex digits>/<hex>/data      blobs and manifests, by digest
 *   trash/<algorithm>/<hex>[.<attempt>]                          blobs that are deleted soon
 *   indexes/<format>/<algorithm>/<first two hex digits>/<hex>    lists of the files in layers and images, made from them
 *   uploads/<upload session id>                                  partial objects: uploads in progress
 */
const root = 'docker/registry/v2';

/** The beginning of the keys of blobs and manifests. */
export const blobsPrefix = `${root}/blobs/`;

/** Returns the key of a blob or manifest. */
export function blobKey(digest: Digest): ObjectKey {
  const [algorithm = '', hex = ''] = digest.split(':');
  return objectKey(`${blobsPrefix}${algorithm}/${hex.slice(0, 2)}/${hex}/data`);
}

/** Returns the digest of the blob or manifest at the path; undefined for a path that is no key of `blobKey`. */
export function storedDigest(path: string): Digest | undefined {
  const [algorithm, , hex] = path.slice(blobsPrefix.length).split('/');
  const digest = parseDigest(`${algorithm}:${hex}`);
  return digest && blobKey(digest) === path ? digest : undefined;
}

/** Returns the key of the partial object of an upload session. */
export function uploadKey(id: string): ObjectKey {
  return objectKey(`uploads/${id}`);
}

/** The beginning of the keys in the trash. */
export const trashPrefix = 'trash/';

/**
 * Returns the key in the trash where the bytes of a blob stay until they are deleted. `attempt` keeps those of one deletion apart
 * from others.
 */
export function trashKey(digest: Digest, attempt?: string): ObjectKey {
  const key = trashPrefix + digest.replace(':', '/');
  return objectKey(attempt === undefined ? key : `${key}.${attempt}`);
}

/** Returns the digest of the blob that waits at the key; undefined for a key that `trashKey` does not give. */
export function trashedDigest(key: ObjectKey): Digest | undefined {
  const [name = ''] = key.slice(trashPrefix.length).split('.');
  return parseDigest(name.replace('/', ':'));
}

/** The beginning of the keys of indexes, of every format. */
export const indexesPrefix = 'indexes/';

/** The format of indexes. Another number makes all indexes anew; the sweep deletes the former ones. */
const indexFormat = 1;

/**
 * Returns the key of the list of files that was made from a layer, or from the layers of an image by the digest of its manifest.
 * It is deleted with the blob and may be lost at any time.
 */
export function indexKey(digest: Digest): ObjectKey {
  const [algorithm = '', hex = ''] = digest.split(':');
  return objectKey(`${indexesPrefix}${indexFormat}/${algorithm}/${hex.slice(0, 2)}/${hex}`);
}

/** Returns the digest of the blob that the index at the key was made from; undefined for one of another format. */
export function indexedDigest(key: ObjectKey): Digest | undefined {
  const [, , algorithm, , hex] = key.split('/');
  const digest = parseDigest(`${algorithm}:${hex}`);
  return digest && indexKey(digest) === key ? digest : undefined;
}
