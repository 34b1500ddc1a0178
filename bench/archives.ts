/**
 * Compares images as files with pushes and pulls of the same size: npm run bench:archives [-- --runs N] [--layer MiB]
 * Goals: an export takes at most 1.1 times the CPU time of a pull, and an import at most 1.3 times that of a push.
 */
import { parseArgs } from 'node:util';
import { tarOf } from '../test/support/tar.ts';
import { type Image, digestOf, download, manifestType, newImage, pushImage, send } from './client.ts';
import { markdown } from './report.ts';
import { type Server, startServer } from './server.ts';
import { berth } from './setups.ts';

const { values } = parseArgs({ options: { runs: { type: 'string', default: '5' }, layer: { type: 'string', default: '64' } } });
const layers = 4;
/** Downloads per measurement: the operating system counts CPU time in steps of 10 ms, and one download takes a few of them. */
const downloads = 8;
const layerMebibytes = Number(values.layer);
const gibibytes = (layers * layerMebibytes) / 1024;

/** Makes an image whose config lists its layers, as archives must have it. */
function newArchivedImage(): Image {
  const { layers: content } = newImage(layers, layerMebibytes * 1024 ** 2);
  const config = Buffer.from(
    JSON.stringify({ architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: content.map(digestOf) } }),
  );
  const describe = (bytes: Uint8Array, mediaType: string) => ({ mediaType, digest: digestOf(bytes), size: bytes.length });
  const manifest = {
    schemaVersion: 2,
    mediaType: manifestType,
    config: describe(config, 'application/vnd.docker.container.image.v1+json'),
    layers: content.map((layer) => describe(layer, 'application/vnd.docker.image.rootfs.diff.tar.gzip')),
  };
  return { layers: content, config, manifest: Buffer.from(JSON.stringify(manifest)) };
}

/** Returns the OCI layout of an image as a tar file. */
function layoutOf({ manifest, config, layers }: Image, tag: string): Buffer {
  const descriptor = {
    mediaType: manifestType,
    digest: digestOf(manifest),
    size: manifest.length,
    annotations: { 'org.opencontainers.image.ref.name': tag },
  };
  const blobs = [config, manifest, ...layers];
  return tarOf([
    ...blobs.map((content) => ({ name: `blobs/sha256/${digestOf(content).slice('sha256:'.length)}`, content })),
    { name: 'index.json', content: JSON.stringify({ schemaVersion: 2, manifests: [descriptor] }) },
    { name: 'oci-layout', content: '{"imageLayoutVersion":"1.0.0"}' },
  ]);
}

async function importArchive(server: Server, repository: string, archive: Buffer): Promise<void> {
  await send(server, 'POST', `/api/v1/archives?repository=${repository}`, archive, { 'Content-Type': 'application/x-tar' });
  const response = await fetch(`${server.url}/api/v1/archives`);
  const { items } = (await response.json()) as { readonly items: readonly { readonly id: string }[] };
  const commit = Buffer.from('{}');
  for (const { id } of items)
    await send(server, 'POST', `/api/v1/archives/${id}/commit`, commit, { 'Content-Type': 'application/json' });
}

/** Downloads the layers as the archive is downloaded, one after the other: how a client reads decides what a server has to do. */
async function pullLayers(server: Server, repository: string, image: Image): Promise<void> {
  for (const layer of image.layers) {
    const bytes = await download(server, `/v2/${repository}/blobs/${digestOf(layer)}`);
    if (bytes < layer.length) throw new Error('a pull was short');
  }
}

async function exportArchive(server: Server, repository: string): Promise<void> {
  const bytes = await download(server, `/api/v1/archive?repository=${repository}&reference=latest`);
  if (bytes < gibibytes * 1024 ** 3) throw new Error('an export was short');
}

const server = await startServer(berth('berth'));
const seconds: Record<'push' | 'import' | 'pull' | 'export', number[]> = { push: [], import: [], pull: [], export: [] };

/** Adds the CPU seconds of the work, done `times` times, per GiB. */
async function measure(name: keyof typeof seconds, work: () => Promise<void>, times = 1): Promise<void> {
  const before = await server.cpuSeconds();
  for (let time = 0; time < times; time++) await work();
  seconds[name].push(((await server.cpuSeconds()) - before) / gibibytes / times);
}

/** Runs both, in an order that changes with the round: the second pays for pages of the first that are still written to disk. */
async function alternate(round: number, one: () => Promise<void>, other: () => Promise<void>): Promise<void> {
  for (const work of round % 2 === 0 ? [one, other] : [other, one]) await work();
}

try {
  await importArchive(server, 'bench/first', layoutOf(newArchivedImage(), 'latest')); // loads the modules
  await exportArchive(server, 'bench/first');
  for (let round = 0; round < Number(values.runs); round++) {
    const pushed = newImage(layers, layerMebibytes * 1024 ** 2);
    const archive = layoutOf(newArchivedImage(), 'latest');
    const repository = `bench/push${round}`;
    await alternate(
      round,
      () => measure('push', () => pushImage(server, repository, 'latest', pushed)),
      () => measure('import', () => importArchive(server, `bench/import${round}`, archive)),
    );
    await alternate(
      round,
      () => measure('pull', () => pullLayers(server, repository, pushed), downloads),
      () => measure('export', () => exportArchive(server, repository), downloads),
    );
  }
} finally {
  await server.close();
}

const median = (numbers: readonly number[]) => [...numbers].sort((one, other) => one - other)[numbers.length >> 1] ?? 0;
const row = (name: keyof typeof seconds, base: keyof typeof seconds, goal: string) => [
  `${name}, of a ${base}`,
  ...[seconds[name], seconds[base]].map((all) => `${median(all).toFixed(2)} s`),
  (median(seconds[name]) / median(seconds[base])).toFixed(2),
  goal,
];
const head = ['CPU time per GiB', 'archive', 'registry protocol', 'ratio', 'goal'];
process.stdout.write(`${markdown([head, row('export', 'pull', '1.1'), row('import', 'push', '1.3')])}\n`);
process.exit(0);
