import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Image, digestOf, download, newImage, pullImage, pushBlob, pushImage, putManifest, repeat, send } from './client.ts';
import type { Server } from './server.ts';
import type { Scale, Workload } from './workload.ts';

const KiB = 1024;
const MiB = 1024 * KiB;
const GiB = 1024 * MiB;

/** The same image on every server. */
const small = newImage(2, 10 * KiB);
const smallDigest = digestOf(small.manifest);

/** Enough for CPU seconds that the operating system counts in steps of 10 ms. */
const imagesInRun = 10;

const largeBlobGet = 'large blob GET, 4 at once';

export const workloads: readonly Workload[] = [
  smallManifest('manifest GET by tag, 16 connections', 'GET', 'latest'),
  smallManifest('manifest HEAD by digest, 16 connections', 'HEAD', smallDigest),
  blobGet(
    largeBlobGet,
    'GiB',
    ({ largeBlobBytes }) => largeBlobBytes,
    async (server, path, { largeBlobBytes: bytes }) => {
      const sizes = await Promise.all(Array.from({ length: 4 }, () => download(server, path)));
      if (sizes.some((size) => size < bytes)) throw new Error(`${server.name}: a download was short`);
      return { units: (4 * bytes) / GiB };
    },
  ),
  blobGet(
    'blob GET of 100 KiB, 16 connections',
    'request',
    () => 100 * KiB,
    async (server, path, { requests }) => {
      await repeat(server, 'GET', path, requests, 16);
      return { units: requests };
    },
  ),
  {
    name: 'blob push, 2 at once',
    unit: 'GiB',
    async run(server, { pushedBlobBytes: bytes }, round) {
      // New content each time: a registry skips content that it has.
      const blobs = [0, 1].map((which) => Buffer.alloc(bytes, createHash('sha256').update(`${round}/${which}`).digest()));
      const digests = blobs.map(digestOf);
      await Promise.all(blobs.map((blob, index) => pushBlob(server, `bench/push${index}`, blob, digests[index])));
      return { units: (2 * bytes) / GiB };
    },
  },
  {
    name: 'image push, layers of 1 MiB',
    unit: 'image',
    async run(server, { pushedLayers }) {
      for (let image = 0; image < imagesInRun; image++) {
        await pushImage(server, 'bench/layers', 'latest', newImage(pushedLayers, MiB));
      }
      return { units: imagesInRun };
    },
  },
  linkedPush('image push and its links, layers of 1 MiB', 5, ({ pushedLayers }) => newImage(pushedLayers, MiB)),
  linkedPush('image push and its links, 2 layers of 10 KiB', 100, () => newImage(2, 10 * KiB)),
  {
    name: 'image pull, 40 layers of 1 MiB',
    unit: 'image',
    prepare: (server) => pushImage(server, 'bench/pull', 'latest', layered),
    async run(server) {
      for (let image = 0; image < imagesInRun; image++) await pullImage(server, 'bench/pull', 'latest', layered);
      return { units: imagesInRun };
    },
  },
  {
    name: 'page of 100 tags',
    unit: 'request',
    kind: 'listing',
    prepare: (server, { tags }) => seedTags(server, tags),
    async run(server, { slowListings }) {
      const count = server.isBerth ? 50 * slowListings : slowListings;
      await repeat(server, 'GET', '/v2/bench/tags/tags/list?n=100&last=tag-000500', count, 4);
      return { units: count };
    },
  },
  {
    name: 'page of 100 repositories',
    unit: 'request',
    kind: 'listing',
    prepare: (server, { repositories }) => seedRepositories(server, repositories),
    async run(server, { slowListings }) {
      const count = server.isBerth ? 50 * slowListings : slowListings;
      await repeat(server, 'GET', '/v2/_catalog?n=100&last=seed/000050', count, 4);
      return { units: count };
    },
  },
];

/** 40 MiB of random bytes, generated once. */
const layered = newImage(40, MiB);

type Get = (server: Server, path: string, scale: Scale) => Promise<{ units: number }>;

/** More than berth takes to write the links behind the last push. */
const linksMilliseconds = 3000;

/** Pushes images one after the other, and waits until their links are written. */
function linkedPush(name: string, images: number, imageOf: (scale: Scale) => Image): Workload {
  return {
    name,
    unit: 'image',
    kind: 'links',
    async run(server, scale) {
      for (let tag = 0; tag < images; tag++) await pushImage(server, 'bench/linked', `t${tag}`, imageOf(scale));
      await sleep(linksMilliseconds);
      return { units: images };
    },
  };
}

/** Requests for one small manifest. */
function smallManifest(name: string, method: 'GET' | 'HEAD', reference: string): Workload {
  const request = (server: Server, { requests }: Scale) =>
    repeat(server, method, `/v2/bench/small/manifests/${reference}`, requests, 16);
  return {
    name,
    unit: 'request',
    async prepare(server, scale) {
      await pushImage(server, 'bench/small', 'latest', small);
      // These are the first of many requests: compiling the code that serves them is no part of a run.
      await request(server, scale);
    },
    async run(server, scale) {
      await request(server, scale);
      return { units: scale.requests };
    },
  };
}

function blobGet(name: string, unit: string, sizeOf: (scale: Scale) => number, get: Get): Workload {
  const keyOf = (server: Server) => `${name} ${server.url}`;
  return {
    name,
    unit,
    async prepare(server, scale) {
      const bytes = Buffer.alloc(sizeOf(scale), randomBytes(64 * KiB));
      const digest = digestOf(bytes);
      await pushBlob(server, 'bench/get', bytes, digest);
      paths.set(keyOf(server), `/v2/bench/get/blobs/${digest}`);
    },
    run: (server, scale) => get(server, paths.get(keyOf(server)) ?? '', scale),
  };
}

/** Paths of the workloads' blobs, by workload and server. */
const paths = new Map<string, string>();

const padded = (index: number) => String(index).padStart(6, '0');

/** Creates tags: in berth by a push with many tags, in docker-registry by its link files. */
async function seedTags(server: Server, count: number): Promise<void> {
  await pushImage(server, 'bench/tags', 'first', small);
  const names = Array.from({ length: count }, (_, index) => `tag-${padded(index)}`);
  if (server.isBerth) {
    for (let start = 0; start < count; start += 500) {
      const query = names.slice(start, start + 500).map((name) => `tag=${name}`);
      await putManifest(server, 'bench/tags', `${smallDigest}?${query.join('&')}`, small.manifest);
    }
    return;
  }
  const tags = join(server.directory, 'docker/registry/v2/repositories/bench/tags/_manifests/tags');
  const digest = await readFile(join(tags, 'first/current/link'));
  await inParallel(names, async (name) => {
    await mkdir(join(tags, name, 'current'), { recursive: true });
    await writeFile(join(tags, name, 'current/link'), digest);
  });
}

async function seedRepositories(server: Server, count: number): Promise<void> {
  const names = Array.from({ length: count }, (_, index) => `seed/${padded(index)}`);
  if (server.isBerth) {
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

/** Start-up time and memory. */
export interface Footprint {
  readonly startSeconds: number;
  readonly idleBytes: number;
  /** While 200 clients download slowly. */
  readonly pullingBytes: number;
}

const slowClients = 200;

/** Measures the footprint. The blob of the large workload must exist. */
export async function footprint(server: Server): Promise<Footprint> {
  const startSeconds = await server.restart();
  await sleep(1000);
  const idleBytes = await server.residentBytes();
  const path = paths.get(`${largeBlobGet} ${server.url}`) ?? '';
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
