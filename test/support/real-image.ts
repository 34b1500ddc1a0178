import { gzipSync } from 'node:zlib';
import { mediaTypes } from '../../src/oci/media-types.ts';
import { type Server, type TestDescriptor, descriptor, digestOf, pushBlob, putManifest } from './images.ts';
import { tar } from './tar.ts';

/** An image that real clients can load: its layer is a tar file, and its config has the diffID. */
export interface RealImage {
  readonly manifest: string;
  readonly config: string;
  /** The tar file; `compressed` is the blob. */
  readonly layer: Buffer;
  readonly compressed: Buffer;
  readonly descriptor: TestDescriptor;
}

export const layerType = 'application/vnd.oci.image.layer.v1.tar';
export const configType = 'application/vnd.oci.image.config.v1+json';

/** Makes an image with the files in its only layer. */
export function realImage(files: Readonly<Record<string, Uint8Array | string>>, architecture = 'amd64'): RealImage {
  const layer = tar(files);
  const compressed = gzipSync(layer);
  const config = JSON.stringify({
    architecture,
    os: 'linux',
    config: { Cmd: ['/hello'] },
    rootfs: { type: 'layers', diff_ids: [digestOf(layer)] },
    history: [{ created: '2026-01-01T00:00:00Z', created_by: 'test' }],
  });
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: descriptor(config, configType),
    layers: [descriptor(compressed, `${layerType}+gzip`)],
  });
  return { manifest, config, layer, compressed, descriptor: descriptor(manifest, mediaTypes.ociManifest) };
}

/** Pushes the image, and points `reference` at it. */
export async function pushRealImage(server: Server, repository: string, reference: string, image: RealImage): Promise<void> {
  await pushBlob(server, repository, image.compressed);
  await pushBlob(server, repository, image.config);
  const { status, body } = await putManifest(server, repository, reference, image.manifest);
  if (status !== 201) throw new Error(`push of a manifest: ${status} ${body.toString()}`);
}
