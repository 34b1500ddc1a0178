import { createHash, randomBytes } from 'node:crypto';
import type { Digest } from '../../src/oci/digest.ts';
import { mediaTypes } from '../../src/oci/media-types.ts';
import { type Answer, call } from './call.ts';

export type Server = { readonly url: string };

export function digestOf(bytes: Uint8Array | string, algorithm: 'sha256' | 'sha512' = 'sha256'): Digest {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}` as Digest;
}

export interface TestDescriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
}

export function descriptor(bytes: Uint8Array | string, mediaType = 'application/vnd.oci.image.layer.v1.tar'): TestDescriptor {
  return { mediaType, digest: digestOf(bytes), size: Buffer.byteLength(bytes) };
}

/** Pushes a blob in one POST. */
export async function pushBlob(
  server: Server,
  repository: string,
  bytes: Uint8Array | string,
  algorithm: 'sha256' | 'sha512' = 'sha256',
): Promise<Digest> {
  const digest = digestOf(bytes, algorithm);
  const answer = await call(server, 'POST', `/v2/${repository}/blobs/uploads/?digest=${digest}`, { body: bytes });
  if (answer.status !== 201) throw new Error(`push of a blob: ${answer.status} ${answer.body.toString()}`);
  return digest;
}

/** Begins an upload and returns its Location. */
export async function startUpload(server: Server, repository: string, query = ''): Promise<string> {
  const answer = await call(server, 'POST', `/v2/${repository}/blobs/uploads/${query}`, { headers: { 'Content-Length': 0 } });
  if (answer.status !== 202) throw new Error(`start of an upload: ${answer.status} ${answer.body.toString()}`);
  return answer.header('location');
}

export interface TestImage {
  readonly manifest: string;
  readonly digest: Digest;
  readonly layer: Buffer;
  readonly config: string;
}

/** Returns an image manifest with unique blobs and the `extra` fields. */
export function newImage(extra: Readonly<Record<string, unknown>> = {}, layerBytes = 64): TestImage {
  const layer = randomBytes(layerBytes);
  const config = JSON.stringify({ architecture: 'amd64', os: 'linux', nonce: digestOf(layer) });
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: descriptor(config, 'application/vnd.oci.image.config.v1+json'),
    layers: [descriptor(layer)],
    ...extra,
  });
  return { manifest, digest: digestOf(manifest), layer, config };
}

/** Pushes the blobs of an image. */
export async function pushBlobs(server: Server, repository: string, image: TestImage): Promise<void> {
  await pushBlob(server, repository, image.layer);
  await pushBlob(server, repository, image.config);
}

export function putManifest(
  server: Server,
  repository: string,
  reference: string,
  manifest: string,
  mediaType: string = mediaTypes.ociManifest,
): Promise<Answer> {
  return call(server, 'PUT', `/v2/${repository}/manifests/${reference}`, {
    body: manifest,
    headers: { 'Content-Type': mediaType },
  });
}

/** Pushes a new image and returns it. */
export async function pushImage(
  server: Server,
  repository: string,
  tag: string,
  extra: Readonly<Record<string, unknown>> = {},
): Promise<TestImage> {
  const image = newImage(extra);
  await pushBlobs(server, repository, image);
  const answer = await putManifest(server, repository, tag, image.manifest);
  if (answer.status !== 201) throw new Error(`push of a manifest: ${answer.status} ${answer.body.toString()}`);
  return image;
}

/** An index over manifests. */
export function newIndex(children: readonly TestImage[], extra: Readonly<Record<string, unknown>> = {}): string {
  const manifests = children.map(({ manifest }) => descriptor(manifest, mediaTypes.ociManifest));
  return JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests, ...extra });
}
