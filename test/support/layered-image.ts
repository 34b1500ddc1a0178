import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { mediaTypes } from '../../src/oci/media-types.ts';
import { admin } from './access.ts';
import { call } from './call.ts';
import { type Server, type TestDescriptor, descriptor, digestOf } from './images.ts';
import { tar } from './tar.ts';

export const configType = 'application/vnd.oci.image.config.v1+json';

/** Pushes a blob as the admin. */
export async function pushBlobAsAdmin(server: Server, repository: string, bytes: Uint8Array | string): Promise<void> {
  const path = `/v2/${repository}/blobs/uploads/?digest=${digestOf(bytes)}`;
  const headers = { ...admin, 'Content-Type': 'application/octet-stream' };
  const answer = await call(server, 'POST', path, { headers, body: bytes });
  if (answer.status !== 201) throw new Error(`${path}: ${answer.status} ${answer.body.toString()}`);
}

/** Pushes a manifest as the admin, under a tag or its digest. Returns its descriptor. */
export async function pushManifestAsAdmin(
  server: Server,
  repository: string,
  tag: string | undefined,
  document: Readonly<Record<string, unknown>> & { readonly mediaType?: string },
): Promise<TestDescriptor> {
  const { mediaType = mediaTypes.ociManifest } = document;
  const text = JSON.stringify({ schemaVersion: 2, ...document, mediaType });
  const path = `/v2/${repository}/manifests/${tag ?? digestOf(text)}`;
  const answer = await call(server, 'PUT', path, { headers: { ...admin, 'Content-Type': mediaType }, body: text });
  if (answer.status !== 201) throw new Error(`${path}: ${answer.status} ${answer.body.toString()}`);
  return descriptor(text, mediaType);
}

/** Pushes an image of the layers, from the bottom to the top, as the admin. Returns its descriptor. */
export async function pushLayers(
  server: Server,
  repository: string,
  tag: string | undefined,
  layers: readonly Buffer[],
  config: Readonly<Record<string, unknown>> = {},
): Promise<TestDescriptor> {
  const text = JSON.stringify({ architecture: 'amd64', os: 'linux', ...config });
  for (const bytes of [...layers, text]) await pushBlobAsAdmin(server, repository, bytes);
  const image = { config: descriptor(text, configType), layers: layers.map((layer) => descriptor(layer)) };
  return pushManifestAsAdmin(server, repository, tag, image);
}

const dpkg = (version: string) =>
  ['libssl3', 'openssl', 'zlib1g']
    .map((name) => `Package: ${name}\nVersion: ${version}\nArchitecture: amd64\nStatus: install ok installed\n`)
    .join('\n');

/** Pushes the tags 1 and 2 of an image with files of a small system as the admin, and has both indexed. */
export async function pushRootFilesystems(server: Server, repository: string): Promise<void> {
  const base = tar({
    'etc/os-release': 'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nID=debian\n',
    'etc/nginx/nginx.conf': 'worker_processes auto;\n\nhttp {\n\tserver { listen 80; }\n}\n',
    'etc/motd': 'welcome\n',
    'etc/localtime': { type: 'symlink', link: '/usr/share/zoneinfo/Etc/UTC' },
    'usr/bin/tool': Buffer.concat([Buffer.from('\x7fELF\x02\x01\x01\0'), randomBytes(4000)]),
    'var/lib/dpkg/status': dpkg('3.0.14-1'),
  });
  const upper = tar({
    'etc/.wh.motd': '',
    'etc/os-release': 'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nID=debian\nVERSION_ID="13"\n',
    'etc/shells': '/bin/sh\n',
    'usr/lib/a-name-that-is-long-enough-to-need-a-second-line-on-a-narrow-screen.so.1.2.3': randomBytes(9000),
    'var/lib/dpkg/status': dpkg('3.0.15-1'),
  });
  const steps = ['/bin/sh -c #(nop) ADD file:1 in / ', 'RUN /bin/sh -c apt-get update && apt-get upgrade -y # buildkit'];
  const config = (count: number, version: string) => ({
    config: { Env: ['PATH=/usr/bin', `VERSION=${version}`], Labels: { 'org.opencontainers.image.version': version } },
    history: steps.slice(0, count).map((created_by) => ({ created_by })),
  });
  await pushLayers(server, repository, '1', [gzipSync(base)], config(1, '1.8'));
  await pushLayers(server, repository, '2', [gzipSync(base), gzipSync(upper)], config(2, '1.9'));
  for (const reference of ['1', '2']) await untilIndexed(server, repository, reference);
}

/** Has an image indexed, or waits for the index that a form of the page asked for: that form waits for two seconds only. */
export async function untilIndexed(server: Server, repository: string, reference: string): Promise<void> {
  const query = new URLSearchParams({ repository, reference, wait: '60' }).toString();
  const { status } = await call(server, 'GET', `/api/v1/image/waste?${query}`, { headers: admin });
  if (status !== 200) throw new Error(`${repository}:${reference} was not indexed: ${status}`);
}
