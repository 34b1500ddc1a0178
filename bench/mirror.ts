/**
 * Compares berth and Debian's docker-registry as mirrors of the same upstream on loopback: npm run bench:mirror [-- --runs N]
 * Pulls more through berth than it may keep, and measures its disk: npm run bench:mirror -- --flood [--quick]
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type FakeUpstream, startFakeUpstream } from '../test/support/fake-upstream.ts';
import { accepted, digestOf, download, repeat, send } from './client.ts';
import { flood, measureFlood, quickFlood } from './flood.ts';
import { markdown, median } from './report.ts';
import { type Launch, type Server, startServer } from './server.ts';

const MiB = 1024 * 1024;
const layerBytes = 32 * MiB;
const repository = 'bench/app';

/** One result of one run: bytes, requests, seconds. */
type Figures = Readonly<Record<string, number>>;

interface Measurement {
  readonly name: string;
  measure(server: Server, upstream: FakeUpstream): Promise<Figures>;
}

const measurements: readonly Measurement[] = [
  cold(8),
  cold(64),
  {
    name: 'cold HEAD of a blob and of a manifest',
    async measure(server, upstream) {
      const { digest, tag } = newContent(upstream);
      const before = sentBy(upstream);
      await send(server, 'HEAD', `/v2/${repository}/manifests/${tag}`, undefined, { Accept: accepted });
      await send(server, 'HEAD', `/v2/${repository}/blobs/${digest}`);
      await settled(upstream);
      return { 'upstream MiB': (sentBy(upstream) - before) / MiB };
    },
  },
  {
    name: 'first byte of a cold blob',
    async measure(server, upstream) {
      const { digest } = newContent(upstream);
      const direct = await firstByte(`${upstream.url}/v2/${repository}/blobs/${digest}`);
      return { 'ms after the upstream alone': (await firstByte(`${server.url}/v2/${repository}/blobs/${digest}`)) - direct };
    },
  },
  {
    name: '200 GETs of a warm tag',
    async measure(server, upstream) {
      const { tag } = newContent(upstream);
      const path = `/v2/${repository}/manifests/${tag}`;
      await repeat(server, 'GET', path, 1, 1);
      await settled(upstream);
      const [requests, cpu] = [upstream.requests.length, await server.cpuSeconds()];
      await repeat(server, 'GET', path, 200, 4);
      return {
        'upstream requests': upstream.requests.length - requests,
        'CPU µs each': (((await server.cpuSeconds()) - cpu) / 200) * 1e6,
      };
    },
  },
  {
    name: '16 warm pulls of a 32 MiB layer, 4 at once',
    async measure(server, upstream) {
      const { digest } = newContent(upstream);
      const path = `/v2/${repository}/blobs/${digest}`;
      await download(server, path);
      await settled(upstream);
      const cpu = await server.cpuSeconds();
      for (let turn = 0; turn < 4; turn++) await Promise.all(Array.from({ length: 4 }, () => download(server, path)));
      return { 'CPU s a GiB': ((await server.cpuSeconds()) - cpu) * 2 };
    },
  },
];

function cold(clients: number): Measurement {
  return {
    name: `${clients} cold clients of a 32 MiB layer`,
    async measure(server, upstream) {
      const { digest } = newContent(upstream);
      const [sent, gets, started] = [sentBy(upstream), upstream.requests.length, performance.now()];
      const path = `/v2/${repository}/blobs/${digest}`;
      const sizes = await Promise.all(Array.from({ length: clients }, () => download(server, path)));
      const wall = (performance.now() - started) / 1000;
      await settled(upstream);
      const blobGets = upstream.requests.slice(gets).filter(({ method, url }) => method === 'GET' && url.includes('/blobs/'));
      return {
        'blob GETs upstream': blobGets.length,
        'upstream MiB': (sentBy(upstream) - sent) / MiB,
        'clients that got everything': sizes.filter((size) => size >= layerBytes).length,
        'wall s': wall,
      };
    },
  };
}

let made = 0;

/** Returns content without earlier requests: a layer, and an image with its own tag. */
function newContent(upstream: FakeUpstream): { digest: string; tag: string } {
  const layer = randomBytes(layerBytes);
  const tag = `tag-${made++}`;
  upstream.addImage(repository, tag);
  return { digest: upstream.addBlob(repository, layer) || digestOf(layer), tag };
}

const sentBy = (upstream: FakeUpstream) => upstream.blobBytes;

/** Resolves when the upstream has sent nothing for a quarter of a second: a mirror may continue after its answer. */
async function settled(upstream: FakeUpstream): Promise<void> {
  for (let before = -1; before !== sentBy(upstream) + upstream.requests.length;) {
    before = sentBy(upstream) + upstream.requests.length;
    await new Promise((resume) => setTimeout(resume, 250));
  }
}

/** Resolves to the milliseconds until the first byte of the body. */
function firstByte(url: string): Promise<number> {
  const started = performance.now();
  return new Promise((found, reject) => {
    get(url, { agent: false }, (response) => {
      response.once('data', () => {
        found(performance.now() - started);
        response.destroy();
      });
    }).on('error', reject);
  });
}

function launches(upstream: FakeUpstream, folder: string): readonly [Launch, Launch] {
  const berth: Launch = {
    name: 'berth',
    isBerth: true,
    async command(port, directory) {
      const file = join(folder, 'berth.yaml');
      const mirror = { default: 'docker.io', upstreams: { 'docker.io': { url: upstream.url } } };
      await writeFile(file, JSON.stringify({ mirror }));
      const env = { BERTH_CONFIG: file, BERTH_LISTEN: `127.0.0.1:${port}`, BERTH_STORAGE_BLOBS_DIRECTORY: directory };
      return { program: resolve(import.meta.dirname, '../bin/berth'), args: ['serve'], env };
    },
  };
  const peer: Launch = {
    name: 'docker-registry',
    isBerth: false,
    async command(port, directory) {
      const file = join(folder, 'peer.yml');
      const settings = { filesystem: { rootdirectory: directory } };
      await writeFile(
        file,
        JSON.stringify({
          version: '0.1',
          storage: settings,
          http: { addr: `127.0.0.1:${port}` },
          proxy: { remoteurl: upstream.url },
        }),
      );
      return { program: 'docker-registry', args: ['serve', file] };
    },
  };
  return [berth, peer];
}

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '5' },
    flood: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
  },
});
if (values.flood) {
  process.stdout.write(`${markdown(await measureFlood(values.quick ? quickFlood : flood))}\n`);
  process.exit(0);
}
const folder = await mkdtemp(join(tmpdir(), 'bench-mirror-'));
const upstream = await startFakeUpstream();
const servers = await Promise.all(launches(upstream, folder).map(startServer));
const rows: string[][] = [];
try {
  for (const { name, measure } of measurements) {
    process.stderr.write(`${name} …\n`);
    const runs: Figures[][] = servers.map(() => []);
    for (let round = 0; round < Number(values.runs); round++) {
      for (const [index, server] of servers.entries()) runs[index]?.push(await measure(server, upstream));
    }
    for (const figure of Object.keys(runs[0]?.[0] ?? {})) {
      const medians = runs.map((all) => median(all.map((figures) => figures[figure] ?? 0)));
      rows.push([name, figure, ...medians.map((value) => value.toFixed(value < 10 && value % 1 !== 0 ? 2 : 0))]);
    }
  }
} finally {
  await Promise.all(servers.map((server) => server.close()));
  await upstream.close();
  await rm(folder, { recursive: true });
}
process.stdout.write(`${markdown([['measured', 'median of', ...servers.map(({ name }) => name)], ...rows])}\n`);
process.exit(0);
