import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createRandom } from '../test/support/cache-model.ts';
import { accepted } from './client.ts';
import { type SeededImages, startSeededUpstream } from './seeded-upstream.ts';
import { type Server, startServer } from './server.ts';

const MiB = 1024 * 1024;

/**
 * 100 images of 10 GiB in total, through a mirror of two fifths of that size: each once, and as many pulls by Zipf's law in
 * between.
 */
export interface Flood {
  readonly images: SeededImages;
  readonly maxBytes: number;
  readonly pulls: number;
}

export const flood: Flood = scaled(MiB, 100);
/** The same with fewer and smaller images. */
export const quickFlood: Flood = scaled(16 * 1024, 40);

function scaled(unit: number, count: number): Flood {
  const images = { count, ownBytes: [60, 25, 8, 3].map((size) => size * unit), baseBytes: 40 * unit };
  return { images, maxBytes: Math.floor(40.96 * count) * unit, pulls: 2 * count };
}

/** The results, as rows of a table. */
export async function measureFlood({ images, maxBytes, pulls }: Flood): Promise<string[][]> {
  const upstream = await startSeededUpstream(images);
  const folder = await mkdtemp(join(tmpdir(), 'bench-flood-'));
  const server = await startServer({
    name: 'berth',
    isBerth: true,
    async command(port, directory) {
      const file = join(folder, 'berth.yaml');
      const mirror = {
        default: 'docker.io',
        upstreams: { 'docker.io': { url: upstream.url } },
        maxSize: `${maxBytes / 1024}KiB`,
      };
      await writeFile(file, JSON.stringify({ mirror }));
      const env = { BERTH_CONFIG: file, BERTH_LISTEN: `127.0.0.1:${port}`, BERTH_STORAGE_BLOBS_DIRECTORY: directory };
      return { program: resolve(import.meta.dirname, '../bin/berth'), args: ['serve'], env };
    },
  });
  const watch = watchDisk(server.directory);
  try {
    const totals = await pullAll(server, order(images.count, pulls));
    const seen = await watch.end();
    const inMiB = (bytes: number) => (bytes / MiB).toFixed(0);
    return [
      ['measured', 'berth'],
      ['limit, MiB', inMiB(maxBytes)],
      ['most kept at once, with what is being deleted, MiB', inMiB(seen.keptBytes)],
      ['most on disk at once, with downloads in progress, MiB', inMiB(seen.allBytes)],
      ['pulls', String(totals.pulls)],
      ['failed pulls', String(totals.failed)],
      ['pulled, MiB', inMiB(totals.bytes)],
      ['of it from the mirror', `${((1 - upstream.sentBytes / totals.bytes) * 100).toFixed(0)} %`],
    ];
  } finally {
    await server.close();
    upstream.close();
    await rm(folder, { recursive: true });
  }
}

/** Returns every image once in a random order, with popular images in between. */
function order(images: number, pulls: number): readonly number[] {
  const random = createRandom(7);
  const weights = Array.from({ length: images }, (_, rank) => 1 / (rank + 1));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const favourite = () => {
    let left = random() * total;
    return weights.findIndex((weight) => (left -= weight) < 0);
  };
  const once = Array.from({ length: images }, (_, image) => ({ image, place: random() }));
  const again = Array.from({ length: pulls - images }, () => ({ image: favourite(), place: random() }));
  return [...once, ...again].sort((one, other) => one.place - other.place).map(({ image }) => image);
}

interface Totals {
  pulls: number;
  failed: number;
  bytes: number;
}

/** Runs four clients that pull one image after the other. */
async function pullAll(server: Server, images: readonly number[]): Promise<Totals> {
  const totals: Totals = { pulls: 0, failed: 0, bytes: 0 };
  const left = images.values();
  const client = async () => {
    for (const image of left) {
      totals.pulls++;
      if (totals.pulls % 10 === 0) process.stderr.write(`${totals.pulls} of ${images.length} pulls\n`);
      await pull(server, image).then(
        (bytes) => (totals.bytes += bytes),
        () => totals.failed++,
      );
    }
  };
  await Promise.all([client(), client(), client(), client()]);
  return totals;
}

interface Manifest {
  readonly config: { readonly digest: string };
  readonly layers: readonly { readonly digest: string }[];
}

/** Resolves to the bytes of all its blobs; rejects if one of them does not have its digest. */
async function pull(server: Server, image: number): Promise<number> {
  const chunks: Buffer[] = [];
  await receive(`${server.url}/v2/bench/app/manifests/image-${image}`, (chunk) => chunks.push(chunk));
  const { config, layers } = JSON.parse(Buffer.concat(chunks).toString()) as Manifest;
  let bytes = 0;
  for (const { digest } of [config, ...layers]) {
    const hash = createHash('sha256');
    await receive(`${server.url}/v2/bench/app/blobs/${digest}`, (chunk) => {
      hash.update(chunk);
      bytes += chunk.length;
    });
    if (`sha256:${hash.digest('hex')}` !== digest) throw new Error(`${digest} came as something else`);
  }
  return bytes;
}

function receive(url: string, onChunk: (chunk: Buffer) => void): Promise<void> {
  return new Promise((done, reject) => {
    get(url, { headers: { Accept: accepted } }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`${url} answered ${response.statusCode}`));
      response.on('data', onChunk).on('end', done).on('error', reject);
    }).on('error', reject);
  });
}

/** Measures the folder repeatedly. Content that moves meanwhile counts once. */
function watchDisk(directory: string): { end(): Promise<{ readonly keptBytes: number; readonly allBytes: number }> } {
  const most = { keptBytes: 0, allBytes: 0 };
  const ending = new AbortController();

  async function look(): Promise<void> {
    const fills = await sizes(join(directory, '.berth/fills'));
    const kept = new Map([...(await sizes(join(directory, 'docker'))), ...(await sizes(join(directory, 'trash')))]);
    const sum = (all: ReadonlyMap<string, number>) => [...all.values()].reduce((total, bytes) => total + bytes, 0);
    most.keptBytes = Math.max(most.keptBytes, sum(kept));
    most.allBytes = Math.max(most.allBytes, sum(new Map([...fills, ...kept])));
  }

  const watching = (async () => {
    while (!ending.signal.aborted) {
      await look();
      await new Promise((resume) => setTimeout(resume, 100));
    }
  })();
  return {
    async end() {
      ending.abort();
      await watching;
      return most;
    },
  };
}

/** Returns the bytes of all files in the folder, by the digest in their path. */
async function sizes(directory: string): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>();
  for (const name of await readdir(directory, { recursive: true }).catch(() => [])) {
    const [hex] = /[0-9a-f]{64}/.exec(name) ?? [];
    const stats = hex === undefined ? undefined : await stat(join(directory, name)).catch(() => undefined);
    if (hex !== undefined && stats?.isFile() === true) found.set(hex, Math.max(found.get(hex) ?? 0, stats.size));
  }
  return found;
}
