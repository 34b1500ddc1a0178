import { currentLink, indexLink, layerLink, repositoriesPrefix, revisionLink } from '../../storage/blobs/distribution-links.ts';
import { type BlobDriver, objectKey } from '../../storage/blobs/driver.ts';
import { blobKey } from '../../storage/blobs/layout.ts';
import type { Digest } from '../../src/oci/digest.ts';
import { type TestImage, digestOf, newImage } from './images.ts';

/** Writes a store as `registry:2` does, file by file. */
export interface DistributionStore {
  putBlob(bytes: Uint8Array | string, algorithm?: 'sha256' | 'sha512'): Promise<Digest>;
  /** Stores the blob and links it to the repository. */
  putLayer(repository: string, bytes: Uint8Array | string, algorithm?: 'sha256' | 'sha512'): Promise<Digest>;
  /** Stores the manifest and links it to the repository. */
  putManifest(repository: string, manifest: string): Promise<Digest>;
  putTag(repository: string, tag: string, digest: Digest): Promise<void>;
  /** Stores a new image with a tag. */
  putImage(repository: string, tag: string, extra?: Readonly<Record<string, unknown>>): Promise<TestImage>;
  /** Writes a file below the folder of the repositories. */
  putFile(path: string, text: string): Promise<void>;
  removeFile(path: string): Promise<void>;
  removeTag(repository: string, tag: string): Promise<void>;
}

export function createDistributionStore(driver: BlobDriver): DistributionStore {
  const put = (key: string, bytes: Uint8Array | string) => driver.put(objectKey(key), Buffer.from(bytes), { isDurable: false });

  const store: DistributionStore = {
    async putBlob(bytes, algorithm = 'sha256') {
      const digest = digestOf(bytes, algorithm);
      await put(blobKey(digest), bytes);
      return digest;
    },
    async putLayer(repository, bytes, algorithm) {
      const digest = await store.putBlob(bytes, algorithm);
      await put(layerLink(repository, digest), digest);
      return digest;
    },
    async putManifest(repository, manifest) {
      const digest = await store.putBlob(manifest);
      await put(revisionLink(repository, digest), digest);
      return digest;
    },
    async putTag(repository, tag, digest) {
      await put(indexLink(repository, tag, digest), digest);
      await put(currentLink(repository, tag), digest);
    },
    async putImage(repository, tag, extra) {
      const image = newImage(extra);
      for (const bytes of [image.layer, image.config]) await store.putLayer(repository, bytes);
      await store.putTag(repository, tag, await store.putManifest(repository, image.manifest));
      return image;
    },
    putFile: (path, text) => put(repositoriesPrefix + path, text),
    async removeFile(path) {
      await driver.delete([objectKey(repositoriesPrefix + path)]);
    },
    async removeTag(repository, tag) {
      for await (const key of driver.list(`${repositoriesPrefix}${repository}/_manifests/tags/${tag}/`))
        await driver.delete([key]);
    },
  };
  return store;
}
