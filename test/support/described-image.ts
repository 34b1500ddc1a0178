import { randomBytes } from 'node:crypto';
import type { Digest } from '../../src/oci/digest.ts';
import { mediaTypes } from '../../src/oci/media-types.ts';
import { call } from './call.ts';
import { type Server, descriptor, digestOf } from './images.ts';

const configType = 'application/vnd.oci.image.config.v1+json';

/** A configuration as BuildKit and the older builder of Docker write it, with two layers. */
export function configOf(platform: string): string {
  const [os, architecture] = platform.split('/');
  return JSON.stringify({
    created: '2026-01-02T03:04:05Z',
    author: 'team a <b>',
    os,
    architecture,
    config: {
      Entrypoint: ['/docker-entrypoint.sh'],
      Cmd: ['nginx', '-g', 'daemon off;'],
      Env: ['PATH=/usr/bin', 'VERSION=1.9'],
      WorkingDir: '/srv',
      User: '1000',
      ExposedPorts: { '80/tcp': {} },
      Volumes: { '/data': {} },
      Labels: { 'org.opencontainers.image.source': 'https://git.example/team-a/app' },
    },
    history: [
      { created_by: '/bin/sh -c #(nop) ADD file:1 in / ' },
      { created_by: '/bin/sh -c #(nop)  CMD ["bash"]', empty_layer: true },
      { created_by: 'RUN /bin/sh -c apt-get update # buildkit' },
    ],
  });
}

/** Pushes an image with a configuration for each platform, with an index over them if there are several. Returns the digest. */
export async function pushDescribed(
  server: Server,
  repository: string,
  tag: string,
  headers: Readonly<Record<string, string>> = {},
  platforms: readonly string[] = ['linux/amd64'],
): Promise<Digest> {
  async function put(path: string, body: string | Buffer, type: string): Promise<void> {
    const answer = await call(server, path.includes('?') ? 'POST' : 'PUT', path, {
      body,
      headers: { ...headers, 'Content-Type': type },
    });
    if (answer.status !== 201) throw new Error(`${path}: ${answer.status} ${answer.body.toString()}`);
  }
  async function putManifest(reference: string, document: Readonly<Record<string, unknown>>): Promise<string> {
    const text = JSON.stringify({ schemaVersion: 2, ...document });
    await put(`/v2/${repository}/manifests/${reference}`, text, String(document['mediaType']));
    return text;
  }
  const images = [];
  for (const platform of platforms) {
    const [config, layers] = [configOf(platform), [randomBytes(3000), randomBytes(1000)]];
    for (const blob of [config, ...layers])
      await put(`/v2/${repository}/blobs/uploads/?digest=${digestOf(blob)}`, blob, 'application/octet-stream');
    const document = {
      mediaType: mediaTypes.ociManifest,
      config: descriptor(config, configType),
      layers: layers.map((layer) => descriptor(layer)),
    };
    const text = JSON.stringify({ schemaVersion: 2, ...document });
    await putManifest(platforms.length > 1 ? digestOf(text) : tag, document);
    const [os, architecture] = platform.split('/');
    images.push({ ...descriptor(text, mediaTypes.ociManifest), platform: { os, architecture } });
  }
  const [first] = images;
  if (platforms.length === 1 && first) return first.digest;
  return digestOf(await putManifest(tag, { mediaType: mediaTypes.ociIndex, manifests: images }));
}
