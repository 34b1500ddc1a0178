import { gzipSync } from 'node:zlib';
import { type Digest, digestOf } from '../../oci/digest.ts';
import { mediaTypes } from '../../oci/media-types.ts';

/** Content of the image that every code names. It is made in memory and never stored. */
export interface CheckContent {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Buffer;
}

/** Clients refuse an image for another platform than their own. */
const platforms = [['amd64'], ['arm64'], ['arm', 'v7'], ['ppc64le'], ['s390x'], ['riscv64']] as const;

/** The blobs and manifests of the image by digest, and the digest of its index. */
export interface CheckImage {
  readonly index: Digest;
  readonly manifests: ReadonlyMap<string, CheckContent>;
  readonly blobs: ReadonlyMap<string, CheckContent>;
}

/** Makes an image of an empty layer for each platform: about 3 KiB. */
export function createCheckImage(): CheckImage {
  const blobs = new Map<string, CheckContent>();
  const manifests = new Map<string, CheckContent>();

  function add(to: Map<string, CheckContent>, mediaType: string, content: Buffer | object) {
    const bytes = Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content));
    const digest = digestOf(bytes);
    to.set(digest, { digest, mediaType, bytes });
    return { mediaType, digest, size: bytes.length };
  }

  const emptyTar = Buffer.alloc(1024);
  const layer = add(blobs, 'application/vnd.oci.image.layer.v1.tar+gzip', gzipSync(emptyTar));
  const list = platforms.map(([architecture, variant]) => {
    const platform = { architecture, os: 'linux', ...(variant === undefined ? {} : { variant }) };
    const rootfs = { type: 'layers', diff_ids: [digestOf(emptyTar)] };
    const config = add(blobs, 'application/vnd.oci.image.config.v1+json', { ...platform, config: {}, rootfs });
    const manifest = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers: [layer] };
    return { ...add(manifests, mediaTypes.ociManifest, manifest), platform };
  });
  const index = add(manifests, mediaTypes.ociIndex, { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: list });
  return { index: index.digest, manifests, blobs };
}
