import { randomBytes } from 'node:crypto';
import type { Digest } from '../../src/oci/digest.ts';
import { mediaTypes } from '../../src/oci/media-types.ts';
import { type TestImage, descriptor, digestOf, newImage } from './images.ts';
import { tar } from './tar.ts';

/** Adds to the content of a fake upstream. The functions that return a string return a digest. */
export interface FakeContent {
  addBlob(repository: string, bytes: Buffer): Digest;
  addManifest(repository: string, tag: string | undefined, manifest: string, mediaType?: string): Digest;
  /** An image with a layer of `layerBytes`. */
  addImage(repository: string, tag: string, layerBytes?: number): TestImage;
  /** An image that clients can unpack: one file of random bytes. */
  addRealImage(repository: string, tag: string, fileBytes: number): { readonly digest: string; readonly layer: Buffer };
  deleteTag(repository: string, tag: string): void;
  addReferrer(repository: string, subject: string, artifactType: string): string;
}

export interface StoredManifest {
  readonly bytes: Buffer;
  readonly mediaType: string;
}

/** What a fake upstream has: blobs and manifests by `repository@digest`, tags by `repository:tag`. */
export interface FakeContents {
  readonly blobs: Map<string, Buffer>;
  readonly manifests: Map<string, StoredManifest>;
  readonly tags: Map<string, string>;
  /** Descriptors of the referrers of `repository@digest`. */
  readonly referrers: Map<string, object[]>;
  readonly adding: FakeContent;
}

export function createFakeContent(): FakeContents {
  const blobs = new Map<string, Buffer>();
  const manifests = new Map<string, StoredManifest>();
  const tags = new Map<string, string>();
  const referrers = new Map<string, object[]>();

  function addBlob(repository: string, bytes: Buffer): Digest {
    blobs.set(`${repository}@${digestOf(bytes)}`, bytes);
    return digestOf(bytes);
  }

  function addManifest(
    repository: string,
    tag: string | undefined,
    manifest: string,
    mediaType: string = mediaTypes.ociManifest,
  ): Digest {
    const digest = digestOf(manifest);
    manifests.set(`${repository}@${digest}`, { bytes: Buffer.from(manifest), mediaType });
    if (tag !== undefined) tags.set(`${repository}:${tag}`, digest);
    return digest;
  }

  const adding: FakeContent = {
    addBlob,
    addManifest,
    addImage(repository, tag, layerBytes = 64) {
      const image = newImage({}, layerBytes);
      addBlob(repository, image.layer);
      addBlob(repository, Buffer.from(image.config));
      addManifest(repository, tag, image.manifest);
      return image;
    },
    addRealImage(repository, tag, fileBytes) {
      const layer = tar({ content: randomBytes(fileBytes) });
      const config = JSON.stringify({
        architecture: 'amd64',
        os: 'linux',
        config: {},
        rootfs: { type: 'layers', diff_ids: [digestOf(layer)] },
      });
      addBlob(repository, layer);
      addBlob(repository, Buffer.from(config));
      const manifest = JSON.stringify({
        schemaVersion: 2,
        mediaType: mediaTypes.ociManifest,
        config: descriptor(config, 'application/vnd.oci.image.config.v1+json'),
        layers: [descriptor(layer)],
      });
      return { digest: addManifest(repository, tag, manifest), layer };
    },
    deleteTag: (repository, tag) => void tags.delete(`${repository}:${tag}`),
    addReferrer(repository, subject, artifactType) {
      const image = newImage({
        artifactType,
        subject: { mediaType: mediaTypes.ociManifest, digest: subject, size: 1 },
      });
      addBlob(repository, image.layer);
      addBlob(repository, Buffer.from(image.config));
      const { manifest } = image;
      const digest = addManifest(repository, undefined, manifest);
      const key = `${repository}@${subject}`;
      referrers.set(key, [...(referrers.get(key) ?? []), { ...descriptor(manifest, mediaTypes.ociManifest), artifactType }]);
      return digest;
    },
  };
  return { blobs, manifests, tags, referrers, adding };
}
