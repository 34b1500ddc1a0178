import { digestAlgorithm, digestOf } from '../../oci/digest.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { JsonObject } from '../../oci/json-fields.ts';
import { isNonDistributable, mediaTypes } from '../../oci/media-types.ts';
import { invalidArchive, quoted } from '../archive-error.ts';
import { isObject } from './images.ts';
import { blobPath } from '../out/archive-file.ts';
import type { ResolvedBlob, ResolvedManifest } from './resolved.ts';

/** Docker's media types have no zstd: a manifest with other layers is written with those of OCI. */
const ociTypes: Readonly<Record<string, string>> = {
  'application/vnd.docker.container.image.v1+json': 'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.image.rootfs.diff.tar': 'application/vnd.oci.image.layer.v1.tar',
  'application/vnd.docker.image.rootfs.diff.tar.gzip': 'application/vnd.oci.image.layer.v1.tar+gzip',
};

const uncompressedLayer = 'application/vnd.oci.image.layer.v1.tar';

/**
 * Returns the manifest with the digests of layers that berth has compressed on the way; undefined if there are none. `blobs`:
 * what the manifest's `listed` descriptors were resolved to. Throws MANIFEST_INVALID for compressed content that is no layer.
 */
export function recompressed(
  archived: ResolvedManifest,
  document: JsonObject,
  listed: readonly Descriptor[],
  blobs: readonly ResolvedBlob[],
): ResolvedManifest | undefined {
  if (listed.every(({ digest }, at) => blobs[at]?.digest === digest)) return undefined;
  const byDigest = new Map(listed.map(({ digest }, at) => [digest as string, blobs[at]]));
  const replace = (value: unknown): unknown => {
    const descriptor = value as JsonObject & { readonly digest: string; readonly mediaType: string };
    const mediaType = ociTypes[descriptor.mediaType] ?? descriptor.mediaType;
    const blob = byDigest.get(descriptor.digest);
    if (!blob || blob.digest === descriptor.digest || isNonDistributable(mediaType)) return { ...descriptor, mediaType };
    if (Buffer.isBuffer(blob.source) || mediaType !== uncompressedLayer)
      throw invalidArchive(
        `entry ${quoted(blobPath(archived.digest))}: content of type ${mediaType} cannot be compressed: import it with compress=none`,
      );
    return { ...descriptor, mediaType: `${mediaType}+${blob.source.compression}`, digest: blob.digest, size: blob.sizeBytes };
  };
  const { config, layers } = document;
  if (!isObject(config) || !Array.isArray(layers))
    throw invalidArchive(`entry ${quoted(blobPath(archived.digest))} is not an image: import it with compress=none`);
  const bytes = Buffer.from(
    JSON.stringify({
      ...document,
      mediaType: mediaTypes.ociManifest,
      config: replace(config),
      layers: layers.map(replace),
    }),
  );
  return { digest: digestOf(bytes, digestAlgorithm(archived.digest)), mediaType: mediaTypes.ociManifest, bytes };
}
