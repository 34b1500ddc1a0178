import { createHash, randomBytes } from 'node:crypto';
import { link, mkdir, readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { digestOf, download, newImage, pullImage, pushBlob, pushImage, putManifest, repeat, send } from './client.ts';
import type { Server } from './server.ts';
import type { Workload } from './workload.ts';

const KiB = 1024;
const MiB = 1024 * KiB;
const GiB = 1024 * MiB;

/** The same image on every server. */
const small = newImage(2, 10 * KiB);
const smallDigest = digestOf(small.manifest);

const requests = (quick: boolean) => (quick ? 200 : 8000);

export const workloads: readonly Workload[] = [
  {
    name: 'manifest GET by tag, 16 connections',
    unit: 'request',
    prepare: (server) => pushImage(server, 'bench/small', 'latest', small),
    async run(server, { quick }) {
      await repeat(server, 'GET', '/v2/bench/small/manifests/latest', requests(quick), 16);
      return { units: requests(quick) };
    },
  },
  {
    name: 'manifest HEAD by digest, 16 connections',
    unit: 'request',
    prepare: (server) => pushImage(server, 'bench/small', 'latest', small),
    async run(server, { quick }) {
      await repeat(server, 'HEAD', `/v2/bench/small/manifests/${smallDigest}`, requests(quick), 16);
      return { units: requests(quick) };
    },
  },
  blobGet('blob GET of 1 GiB, 4 at once', 'GiB', GiB, async (server, path, bytes) => {
    const sizes = await Promise.all(Array.from({ length: 4 }, () => download(server, path)));
    if (sizes.some((size) => size < bytes)) throw new Error(`${server.name}: a download was short`);
    return { units: (4 * bytes) / GiB };
  }),
  blobGet('blob GET of 100 KiB, 16 connections', 'request', 100 * KiB, async (server, path, _bytes, quick) => {
    await repeat(server, 'GET', path, requests(quick), 16);
    return { units: requests(quick) };
  }),
  {
    name: 'blob push of 256 MiB, 2 at once',
    unit: 'GiB',
    async run(server, { quick }, round) {
      const bytes = (quick ? 1 : 256) * MiB;
      // New content each time: a registry may drop what it knows.
      const blobs = [0, 1].map((which) => Buffer.alloc(bytes, createHash('sha256').update(`${round}/${which}`).digest()));
      const digests = blobs.map(digestOf);
      await Promise.all(blobs.map((blob, index) => pushBlob(server, `bench/push${index}`, blob, digests[index])));
      return { units: (2 * bytes) / GiB };
    },
  },
  {
    name: 'image push, 40 layers of 1 MiB',
    unit: 'image',
    async run(server, { quick }) {
      await pushImage(server, 'bench/layers', 'latest', newImage(quick ? 4 : 40, MiB));
      return { units: 1 };
    },
  },
  {
    name: 'image pull, 40 layers of 1 MiB',
    unit: 'image',
    prepare: (server) => pushImage(server, 'bench/pull', 'latest', layered),
    async run(server) {
      await pullImage(server, 'bench/pull', 'latest', layered);
      return { units: 1 };
    },
  },
  {
    name: 'page of 100 tags out of 100,000',
    unit: 'request',
    prepare: (server, { quick }) => seedTags(server, quick ? 1000 : 100_000),
    async run(server, { quick }) {
      const count = quick ? 20 : server.name === 'berth' ? 500 : 10;
      await repeat(server, 'GET', '/v2/bench/tags/tags/list?n=100&last=tag-000500', count, 4);
      return { units: count };
    },
  },
  {
    name: 'page of 100 repositories out of 10,000',
    unit: 'request',
    prepare: (server, { quick }) => seedRepositories(server, quick ? 100 : 10_000),
    async run(server, { quick }) {
      const count = quick ? 20 : server.name === 'berth' ? 500 : 10;
      await repeat(server, 'GET', '/v2/_catalog?n=100&last=seed/000050', count, 4);
      return { units: count };
    },
  },
];

/** Made once: 40 MiB of noise. */
const layered = newImage(40, MiB);

type Get = (server: Server, path: string, bytes: number, quick: boolean) => Promise<{ units: number }>;

function blobGet(name: string, unit: string, fullBytes: number, get: Get): Workload {
  const sizeOf = (quick: boolean) => (quick ? Math.min(fullBytes, MiB) : fullBytes);
  return {
    name,
    unit,
    async prepare(server, { quick }) {
      const block = randomBytes(64 * KiB);
      const bytes = Buffer.alloc(sizeOf(quick), block);
      const digest = digestOf(bytes);
      await pushBlob(server, `bench/get-${server.name}`, bytes, digest);
      paths.set(`${name} ${server.name}`, `/v2/bench/get-${server.name}/blobs/${digest}`);
    },
    run: (server, { quick }) => get(server, paths.get(`${name} ${server.name}`) ?? '', sizeOf(quick), quick),
  };
}

/** Where the blob of a workload lies on a server. */
const paths = new Map<string, string>();

const padded = (index: number) => String(index).padStart(6, '0');

/** berth takes many tags in one push; the peer gets them as it keeps them, as link files. */
async function seedTags(server: Server, count: number): Promise<void> {
  await pushImage(server, 'bench/tags', 'first', small);
  const names = Array.from({ length: count }, (_, index) => `tag-${padded(index)}`);
  if (server.name === 'berth') {
    for (let start = 0; start < count; start += 500) {
      const query = names.slice(start, start + 500).map((name) => `tag=${name}`);
      await putManifest(server, 'bench/tags', `${smallDigest}?${query.join('&')}`, small.manifest);
    }
    return;
  }
  const tags = join(server.directory, 'docker/registry/v2/repositories/bench/tags/_manifests/tags');
  const source = join(tags, 'first/current/link');
  await inParallel(names, async (name) => {
    await mkdir(join(tags, name, 'current'), { recursive: true });
    await link(source, join(tags, name, 'current/link'));
  });
}

async function seedRepositories(server: Server, count: number): Promise<void> {
  const names = Array.from({ length: count }, (_, index) => `seed/${padded(index)}`);
  if (server.name === 'berth') {
    await pushImage(server, 'bench/source', 'first', small);
    const digest = digestOf(small.config);
    await inParallel(names, (name) => send(server, 'POST', `/v2/${name}/blobs/uploads/?mount=${digest}&from=bench/source`));
    return;
  }
  const root = join(server.directory, 'docker/registry/v2/repositories');
  await pushImage(server, 'seed/source', 'first', small);
  const revision = await readFile(join(root, 'seed/source/_manifests/tags/first/current/link'));
  await inParallel(names, async (name) => {
    const place = join(root, name, '_manifests/tags/first/current');
    await mkdir(place, { recursive: true });
    await mkdir(join(root, name, '_layers'), { recursive: true });
    await writeFile(join(place, 'link'), revision);
  });
}

async function inParallel<Item>(items: readonly Item[], work: (item: Item) => Promise<unknown>): Promise<void> {
  const waiting = [...items];
  const worker = async () => {
    for (let item = waiting.pop(); item !== undefined; item = waiting.pop()) await work(item);
  };
  await Promise.all(Array.from({ length: 32 }, worker));
}

/** What is no request: start-up and memory. */
export interface Footprint {
  readonly startSeconds: number;
  readonly idleBytes: number;
  /** While 200 clients download slowly. */
  readonly pullingBytes: number;
}

const slowClients = 200;

/** The blob of the 1 GiB workload must be there. */
export async function footprint(server: Server): Promise<Footprint> {
  const startSeconds = await server.restart();
  await sleep(1000);
  const idleBytes = await server.residentBytes();
  const path = paths.get(`blob GET of 1 GiB, 4 at once ${server.name}`) ?? '';
  const sockets = Array.from({ length: slowClients }, () => {
    const socket = connect(server.port, '127.0.0.1', () => socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`));
    socket.once('data', () => socket.pause());
    return socket;
  });
  await sleep(3000);
  const pullingBytes = await server.residentBytes();
  for (const socket of sockets) socket.destroy();
  return { startSeconds, idleBytes, pullingBytes };
}
