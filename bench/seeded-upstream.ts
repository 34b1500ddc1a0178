import { createHash } from 'node:crypto';
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { mediaTypes } from '../src/oci/media-types.ts';
import { createRandom } from '../test/support/cache-model.ts';

/** A registry with any number of images. It generates their bytes while it sends them, without disk or memory. */
export interface SeededUpstream {
  readonly url: string;
  /** Bytes of blobs sent so far. */
  readonly sentBytes: number;
  close(): void;
}

export interface SeededImages {
  readonly count: number;
  /** Layers that belong to one image only. */
  readonly ownBytes: readonly number[];
  /** The layer that ten images share. */
  readonly baseBytes: number;
}

interface Content {
  readonly seed: number;
  readonly sizeBytes: number;
}

const layerType = 'application/vnd.oci.image.layer.v1.tar';
const blockBytes = 256 * 1024;
const random = createRandom(1);
const block = Buffer.from(Array.from({ length: blockBytes }, () => Math.floor(random() * 256)));

/** Yields equal blocks; the first one begins with the seed. */
function* bytesOf({ seed, sizeBytes }: Content): Generator<Buffer> {
  const first = Buffer.from(block.subarray(0, Math.min(blockBytes, sizeBytes)));
  first.write(`seed ${seed} `.slice(0, first.length));
  yield first;
  for (let at = first.length; at < sizeBytes; at += blockBytes) yield block.subarray(0, Math.min(blockBytes, sizeBytes - at));
}

export async function startSeededUpstream({ count, ownBytes, baseBytes }: SeededImages): Promise<SeededUpstream> {
  const contents = new Map<string, Content>();
  const manifests = new Map<string, Buffer>();
  let sentBytes = 0;

  function descriptor(content: Content, mediaType: string) {
    const hash = createHash('sha256');
    for (const chunk of bytesOf(content)) hash.update(chunk);
    const digest = `sha256:${hash.digest('hex')}`;
    contents.set(digest, content);
    return { mediaType, digest, size: content.sizeBytes };
  }

  const seeds = (image: number) => ownBytes.map((sizeBytes, index) => ({ seed: image * 100 + index, sizeBytes }));
  const bases = Array.from({ length: Math.ceil(count / 10) }, (_, base) =>
    descriptor({ seed: -1 - base, sizeBytes: baseBytes }, layerType),
  );
  for (let image = 0; image < count; image++) {
    const layers = [bases[image % bases.length], ...seeds(image).map((layer) => descriptor(layer, layerType))];
    const config = descriptor({ seed: image * 100 + 99, sizeBytes: 1000 }, 'application/vnd.oci.image.config.v1+json');
    manifests.set(
      `image-${image}`,
      Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers })),
    );
  }
  for (const bytes of [...manifests.values()]) manifests.set(`sha256:${createHash('sha256').update(bytes).digest('hex')}`, bytes);

  async function answer({ method, url = '' }: IncomingMessage, response: ServerResponse): Promise<void> {
    const reference = url.slice(url.lastIndexOf('/') + 1);
    const [manifest, content] = [manifests.get(reference), contents.get(reference)];
    if (manifest) {
      const digest = `sha256:${createHash('sha256').update(manifest).digest('hex')}`;
      const headers = { 'Content-Type': mediaTypes.ociManifest, 'Docker-Content-Digest': digest };
      response.writeHead(200, { ...headers, 'Content-Length': manifest.length });
      response.end(method === 'HEAD' ? undefined : manifest);
    } else if (content) {
      response.writeHead(200, { 'Content-Length': content.sizeBytes });
      sentBytes += content.sizeBytes;
      await pipeline(bytesOf(content), response).catch(() => undefined);
    } else response.writeHead(url === '/v2/' ? 200 : 404).end();
  }

  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get sentBytes() {
      return sentBytes;
    },
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
