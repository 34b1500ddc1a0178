import { gzipSync } from 'node:zlib';
import { mediaTypes } from '../../src/oci/media-types.ts';
import { tar } from '../../test/support/tar.ts';
import { digestOf, pushBlob, putManifest, send } from '../client.ts';
import type { Server } from '../server.ts';

export const imageRepository = 'bench/image';
const layers = 10;
const filesPerLayer = 3000;

const shared = Array.from({ length: layers - 1 }, (_, number) => layerOf(number, `text of layer ${number}\n`));

/** The layer that every repository of the registry has. */
export const baseLayer = digestOf(shared[0] ?? '');

function layerOf(number: number, text: string): Buffer {
  const files = Array.from({ length: filesPerLayer }, (_, file) => {
    const directory = `usr/share/d${(file % 60) + (number % 2) * 60}`;
    return [`${directory}/file-${number}-${Math.floor(file / 60)}`, text.repeat(64)] as const;
  });
  return gzipSync(tar(Object.fromEntries(files)));
}

/** Pushes an image of 30,000 files with the tags 1 and 2, which differ in their last layer, and has both indexed. */
export async function pushImages(server: Server): Promise<void> {
  for (const tag of ['1', '2']) {
    const all = [...shared, layerOf(layers - 1, `text of the tag ${tag}\n`)];
    const history = all.map((_, number) => ({ created_by: `RUN /bin/sh -c step ${number} # buildkit` }));
    const config = Buffer.from(JSON.stringify({ os: 'linux', architecture: 'amd64', config: { Env: [`TAG=${tag}`] }, history }));
    for (const blob of [...all, config]) await pushBlob(server, imageRepository, blob, digestOf(blob));
    const describe = (bytes: Buffer, mediaType: string) => ({ mediaType, digest: digestOf(bytes), size: bytes.length });
    const manifest = {
      schemaVersion: 2,
      mediaType: mediaTypes.dockerManifest,
      config: describe(config, 'application/vnd.docker.container.image.v1+json'),
      layers: all.map((layer) => describe(layer, 'application/vnd.docker.image.rootfs.diff.tar.gzip')),
    };
    await putManifest(server, imageRepository, tag, Buffer.from(JSON.stringify(manifest)));
    await send(server, 'GET', `/api/v1/image/waste?repository=${imageRepository}&reference=${tag}&wait=60`);
  }
}
