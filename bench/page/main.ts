/**
 * Measures the CPU of views of the page in manifest GETs of the same server: npm run bench:page [-- --requests N] [--only TEXT]
 * Each view has a budget; the command fails if one is exceeded.
 */
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { mediaTypes } from '../src/oci/media-types.ts';
import { tar } from '../test/support/tar.ts';
import { digestOf, pushBlob, putManifest, repeat, send } from './client.ts';
import { markdown } from './report.ts';
import { type Server, startServer } from './server.ts';
import { berth } from './setups.ts';

const { values } = parseArgs({
  options: { requests: { type: 'string', default: '2000' }, only: { type: 'string', default: '' } },
});
const requests = Number(values.requests);

const manifestPath = '/v2/bench/image/manifests/1';
const layers = 10;
const filesPerLayer = 3000;

/** Views of an image of 30,000 files, with the CPU that they may take in manifest GETs. */
const views = [
  { name: 'image', path: '/ui/r/bench/image:1', budget: 12 },
  { name: 'directory of 250 files, 100 shown', path: '/ui/r/bench/image:1/-/files?path=usr/share/d0', budget: 20 },
  { name: 'directory of a layer, 50 files', path: '/ui/r/bench/image:1/-/files?path=usr/share/d0&layer=0', budget: 20 },
  { name: 'text of 1 KiB', path: '/ui/r/bench/image:1/-/files?path=usr/share/d0/file-0-0', budget: 20 },
  { name: 'difference of two images', path: '/ui/diff?from=bench/image:1&to=2', budget: 60 },
];

function layerOf(number: number, text: string): Buffer {
  const files = Array.from({ length: filesPerLayer }, (_, file) => {
    const directory = `usr/share/d${(file % 60) + (number % 2) * 60}`;
    return [`${directory}/file-${number}-${Math.floor(file / 60)}`, text.repeat(64)] as const;
  });
  return gzipSync(tar(Object.fromEntries(files)));
}

/** Pushes the tags 1 and 2, which differ in their last layer, and has them indexed. */
async function prepare(server: Server): Promise<void> {
  const shared = Array.from({ length: layers - 1 }, (_, number) => layerOf(number, `text of layer ${number}\n`));
  for (const tag of ['1', '2']) {
    const all = [...shared, layerOf(layers - 1, `text of the tag ${tag}\n`)];
    const history = all.map((_, number) => ({ created_by: `RUN /bin/sh -c step ${number} # buildkit` }));
    const config = Buffer.from(JSON.stringify({ os: 'linux', architecture: 'amd64', config: { Env: [`TAG=${tag}`] }, history }));
    for (const blob of [...all, config]) await pushBlob(server, 'bench/image', blob, digestOf(blob));
    const describe = (bytes: Buffer, mediaType: string) => ({ mediaType, digest: digestOf(bytes), size: bytes.length });
    const manifest = {
      schemaVersion: 2,
      mediaType: mediaTypes.dockerManifest,
      config: describe(config, 'application/vnd.docker.container.image.v1+json'),
      layers: all.map((layer) => describe(layer, 'application/vnd.docker.image.rootfs.diff.tar.gzip')),
    };
    await putManifest(server, 'bench/image', tag, Buffer.from(JSON.stringify(manifest)));
    await send(server, 'GET', `/api/v1/image/waste?repository=bench/image&reference=${tag}&wait=60`);
  }
}

/** Resolves to the CPU seconds of one request. The first requests are not counted: they load code and caches. */
async function cost(server: Server, path: string, count: number): Promise<number> {
  await repeat(server, 'GET', path, Math.ceil(count / 5), 4);
  const before = await server.cpuSeconds();
  await repeat(server, 'GET', path, count, 4);
  return ((await server.cpuSeconds()) - before) / count;
}

const server = await startServer(berth('berth'));
let isExceeded = false;
try {
  await prepare(server);
  const manifest = await cost(server, manifestPath, 10 * requests);
  const rows: string[][] = [];
  for (const { name, path, budget } of views.filter((view) => view.name.includes(values.only))) {
    const ratio = (await cost(server, path, requests)) / manifest;
    isExceeded ||= ratio > budget;
    rows.push([name, (ratio * manifest * 1e6).toFixed(0), ratio.toFixed(1), String(budget)]);
  }
  const head = ['view', 'CPU, µs', 'in manifest GETs', 'budget'];
  process.stdout.write(`${markdown([head, ['manifest GET', (manifest * 1e6).toFixed(0), '1', ''], ...rows])}\n`);
} finally {
  await server.close();
}
process.exit(isExceeded ? 1 : 0);
