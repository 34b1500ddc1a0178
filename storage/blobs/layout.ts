import { type Digest, parseDigest } from '../../src/oci/digest.ts';
import { type ObjectKey, objectKey } from './driver.ts';

/**
 * Where objects lie. The tree is CNCF Distribution's, so that a folder or bucket of registry:2 can be adopted in place:
 *
 *   docker/registry/v2/
 *   └── blobs/<algorithm>/<first two hex digits>/<hex>/data      blobs and manifests, by digest
 *   trash/<algorithm>/<hex>                                      what was evicted a moment ago
 *   uploads/<upload session id>                                  growing objects: uploads not yet committed
 */
const root = 'docker/registry/v2';

/** Keys of blobs and manifests begin with it. */
export const blobsPrefix = `${root}/blobs/`;

/** Returns the key of a blob or manifest. */
export function blobKey(digest: Digest): ObjectKey {
  const [algorithm = '', hex = ''] = digest.split(':');
  return objectKey(`${blobsPrefix}${algorithm}/${hex.slice(0, 2)}/${hex}/data`);
}

/** The key of an upload session's growing object. */
export function uploadKey(id: string): ObjectKey {
  return objectKey(`uploads/${id}`);
}

export const trashPrefix = 'trash/';

/** Where the bytes of a blob wait to be deleted. */
export function trashKey(digest: Digest): ObjectKey {
  return objectKey(trashPrefix + digest.replace(':', '/'));
}

/** Returns the digest of the blob that waits at the key; undefined for a key that `trashKey` does not give. */
export function trashedDigest(key: ObjectKey): Digest | undefined {
  return parseDigest(key.slice(trashPrefix.length).replace('/', ':'));
}
