import { randomBytes, randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadConfig } from '../../config/load.ts';
import { openBlobStore } from '../../src/assembly/blob-store.ts';
import { createCollectionServices } from '../../src/assembly/maintenance/garbage-collection.ts';
import { openMetadata } from '../../src/assembly/metadata-store.ts';
import { createTrash } from '../../src/content/trash.ts';
import { mediaTypes } from '../../src/oci/media-types.ts';
import type { RepositoryName } from '../../src/oci/reference.ts';
import { createDeletionServices } from '../../src/registry/deletion-services.ts';
import { blobsPrefix } from '../../storage/blobs/layout.ts';
import type { BlobDriver } from '../../storage/blobs/driver.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import { call } from './call.ts';
import type { Dockerd } from './dockerd.ts';
import { type Server, type TestDescriptor, descriptor, digestOf, pushBlob, putManifest } from './images.ts';
import { findWrongCounters } from './recount.ts';
import { tar } from './tar.ts';
import { until } from './until.ts';

/** An image, or a cache of BuildKit, whose layers others have, too. */
interface SharedImage {
  readonly manifest: string;
  readonly mediaType: string;
  readonly blobs: readonly Buffer[];
}

export interface TortureOptions {
  /** `BERTH_*` variables of the servers. */
  readonly environment: Readonly<Record<string, string>>;
  /**
   * Milliseconds between two runs of the collector, at most: long enough for some pushes to come from their blobs to their
   * manifest, and too short for others.
   */
  readonly longestRestMs: number;
  /** A docker that pushes meanwhile, and what it calls the server. */
  readonly docker?: { readonly daemon: Dockerd; readonly host: string } | undefined;
}

/** The stores of servers that run meanwhile, with a collector of this process. */
export interface Torture {
  /** Number of manifests that were answered with 201 so far. */
  readonly pushes: number;
  /** Rejects when a kept image could not be pulled whole. */
  awaitPushes(count: number): Promise<void>;
  /** Ends the clients and the collector. Resolves to the images that must be there, as `repository@digest`. */
  stop(): Promise<ReadonlySet<string>>;
  /**
   * Lets garbage collection decide everything, when all servers are stopped. Resolves to the digests that are stored, those that
   * are recorded, how many reviews and missed rows are left, and the counters that differ from a recount.
   */
  settle(): Promise<AtRest>;
  close(): Promise<void>;
}

export interface AtRest {
  readonly stored: readonly string[];
  readonly recorded: readonly string[];
  readonly missed: number;
  readonly reviews: number;
  readonly wrongCounters: readonly string[];
}

/** Few layers, so that they meet: of each, every client may upload, mount and delete the last use at any time. */
const layers = Array.from({ length: 6 }, () => randomBytes(3000));
const clients = 8;
const repositories = Array.from({ length: clients }, (_, index) => `team${index % 2}/client${index}` as RepositoryName);
/** Between two pushes of docker, which takes more of the machine than all other clients. */
const dockerRestMs = 500;
const ofDocker = 'team0/docker' as RepositoryName;
const day = 24 * 3_600_000;

class WrongBytes extends Error {}

/**
 * Starts clients that push, mount, retag, untag, delete, restore and pull images and caches of BuildKit at random. Each one has a
 * repository of its own, so that it knows what must be there; the layers are the same in all.
 */
export async function startTorture(servers: readonly Server[], options: TortureOptions): Promise<Torture> {
  const { environment } = options;
  const config = loadConfig({ environment });
  const [driver, metadata] = [await openBlobStore(config.storage.blobs), await openMetadata(config)];
  const kept = new Set<string>();
  let pushes = 0;
  let refusals = 0;
  let isOver = false;
  let failure: Error | undefined;
  const world = { servers, metadata, kept, pushed, refused: () => refusals++, isOver: () => isOver };
  function pushed(): void {
    pushes++;
    refusals = 0;
  }
  const running = [
    ...repositories.map((repository) => runClient(world, repository)),
    ...(options.docker ? [runDocker(world, options.docker)] : []),
    collectOnAndOn({ driver, metadata }, options, { isStarving: () => refusals >= mostRefusals, isOver: () => isOver }),
  ].map((work) => work.catch((error: unknown) => (failure ??= error as Error)));

  async function stop(): Promise<ReadonlySet<string>> {
    isOver = true;
    await Promise.all(running);
    if (failure !== undefined) throw failure;
    return kept;
  }

  return {
    get pushes() {
      return pushes;
    },
    async awaitPushes(count) {
      const wanted = pushes + count;
      await until(() => failure !== undefined || pushes >= wanted, 300);
      if (failure !== undefined) await stop();
    },
    stop,
    settle: () => settle({ driver, metadata }, environment),
    async close() {
      isOver = true;
      await Promise.all(running);
      await metadata.close();
      await driver.close();
    },
  };
}

interface World {
  readonly servers: readonly Server[];
  readonly metadata: MetadataStore;
  readonly kept: Set<string>;
  pushed(): void;
  /** A manifest was refused, because the collector was faster. */
  refused(): void;
  isOver(): boolean;
}

/** Works in its repository until the end. Requests that fail because a server is away are passed over. */
async function runClient(world: World, repository: RepositoryName): Promise<void> {
  const { servers, kept } = world;
  const images = new Map<string, SharedImage>();
  while (!world.isOver()) {
    const server = servers[randomInt(servers.length)];
    if (!server) throw new Error('there is no server');
    try {
      const own = [...images].filter(([name]) => kept.has(name));
      const [name, image] = own[randomInt(Math.max(1, own.length))] ?? [];
      const dice = randomInt(12);
      if (!name || !image || dice < 5) await push(world, server, repository, newSharedImage(), images);
      else if (dice < 6) await push(world, server, repository, image, images);
      else if (dice < 8) await deleteAndMaybeRestore(world, server, repository, name);
      else if (dice < 9) await call(server, 'DELETE', `/v2/${repository}/manifests/${randomTag()}`);
      else if (dice < 10) await pullTag(server, repository, randomTag());
      else await expectWhole(server, name);
    } catch (error) {
      if (error instanceof WrongBytes) throw error;
      await sleep(20);
    }
  }
}

const randomTag = () => `t${randomInt(4)}`;

/** Returns an image, or a cache of BuildKit in its older form, an index of blobs, or its newer one, an artifact. */
function newSharedImage(): SharedImage {
  const chosen = layers.filter(() => randomInt(3) === 0);
  const config = Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', nonce: randomBytes(8).toString('hex') }));
  const blobs = [config, ...chosen];
  const cacheConfig = descriptor(config, 'application/vnd.buildkit.cacheconfig.v0');
  const descriptors = chosen.map((layer) => descriptor(layer));
  const kind = randomInt(4);
  if (kind === 0) {
    const mediaType = mediaTypes.ociIndex;
    return {
      manifest: JSON.stringify({ schemaVersion: 2, mediaType, manifests: [...descriptors, cacheConfig] }),
      mediaType,
      blobs,
    };
  }
  const mediaType = mediaTypes.ociManifest;
  const ofImage = kind === 1 ? cacheConfig : descriptor(config, 'application/vnd.oci.image.config.v1+json');
  return { manifest: JSON.stringify({ schemaVersion: 2, mediaType, config: ofImage, layers: descriptors }), mediaType, blobs };
}

/** Without a grace a blob may be gone before its manifest comes: the client begins again, as clients do. */
async function push(
  world: World,
  server: Server,
  repository: string,
  image: SharedImage,
  images: Map<string, SharedImage>,
): Promise<void> {
  for (let tries = 0; tries < 5; tries++) {
    for (const blob of image.blobs) await bring(server, repository, blob);
    const { status } = await putManifest(server, repository, randomTag(), image.manifest, image.mediaType);
    if (status === 201) {
      const name = `${repository}@${digestOf(image.manifest)}`;
      images.set(name, image);
      world.kept.add(name);
      world.pushed();
      return;
    }
    world.refused();
  }
}

/**
 * Pushes images of one layer with docker until the end, and deletes some of them, so that docker finds the layer, or not. Ends
 * with a push: while the collector runs none may be in time.
 */
async function runDocker(world: World, { daemon, host }: NonNullable<TortureOptions['docker']>): Promise<void> {
  const [server] = world.servers;
  if (!server) throw new Error('there is no server');
  const image = `${host}/${ofDocker}:latest`;
  const layer = tar({ layer: randomBytes(3000) });
  let former: string | undefined;
  for (let triesAfterEnd = 0; ; triesAfterEnd += world.isOver() ? 1 : 0) {
    try {
      await daemon.dockerWith(layer, 'import', '-', image);
      const digest = /digest: (sha256:[0-9a-f]{64})/.exec(await daemon.docker('push', image))?.[1];
      if (digest === undefined) throw new Error('docker did not print the digest');
      world.kept.add(`${ofDocker}@${digest}`);
      if (world.isOver()) return;
      if (former !== undefined && former !== digest && randomInt(2) === 0) {
        world.kept.delete(`${ofDocker}@${former}`);
        await call(server, 'DELETE', `/v2/${ofDocker}/manifests/${former}`);
      }
      former = digest;
    } catch (error) {
      if (triesAfterEnd > 20) throw error;
    }
    await sleep(dockerRestMs);
  }
}

/** Makes the repository have the blob: it may have it already, and another one, from which it is mounted, too. */
async function bring(server: Server, repository: string, blob: Buffer): Promise<void> {
  const digest = digestOf(blob);
  if (randomInt(2) === 0 && (await call(server, 'HEAD', `/v2/${repository}/blobs/${digest}`)).status === 200) return;
  const from = repositories[randomInt(clients)] ?? repository;
  if (randomInt(2) === 0 && from !== repository) {
    const mount = `/v2/${repository}/blobs/uploads/?mount=${digest}&from=${from}`;
    if ((await call(server, 'POST', mount, { body: '' })).status === 201) return;
  }
  await pushBlob(server, repository, blob);
}

async function deleteAndMaybeRestore(
  { metadata, kept }: World,
  server: Server,
  repository: RepositoryName,
  name: string,
): Promise<void> {
  const digest = name.split('@')[1] ?? '';
  // Whatever becomes of the request: only an answer says so.
  kept.delete(name);
  if ((await call(server, 'DELETE', `/v2/${repository}/manifests/${digest}`)).status !== 202 || randomInt(2) === 0) return;
  const { trash } = createDeletionServices({ metadata, now: Date.now, acceptMissing: false });
  const entry = (await trash.list(repository, Number.MAX_SAFE_INTEGER, 10)).find((one) => one.digest === digest);
  if (!entry) return;
  await trash.restore(repository, entry.id);
  kept.add(name);
}

/** Pulls what the tag names at the moment, whichever push has put it there. */
async function pullTag(server: Server, repository: RepositoryName, tag: string): Promise<void> {
  const answer = await call(server, 'HEAD', `/v2/${repository}/manifests/${tag}`);
  if (answer.status === 200) await expectWhole(server, `${repository}@${answer.header('docker-content-digest')}`);
}

/** Rejects `WrongBytes` unless the image is whole. A server that is away, or has no time, is asked again later. */
export async function expectWhole(server: Server, name: string): Promise<void> {
  const [repository = '', digest = ''] = name.split('@');
  const get = async (path: string, expected: string) => {
    const { status, body } = await call(server, 'GET', `/v2/${repository}/${path}/${expected}`);
    if (status === 503 || status === 429) throw new Error(`${name}: not now`);
    if (status !== 200 || digestOf(body) !== expected)
      throw new WrongBytes(`${path}/${expected} of ${name}: ${status} ${body.toString().slice(0, 200)}`);
    return body.toString();
  };
  const manifest = JSON.parse(await get('manifests', digest)) as Partial<
    Record<'layers' | 'manifests', TestDescriptor[]> & { config: TestDescriptor }
  >;
  const { config, layers: own = [], manifests = [] } = manifest;
  for (const part of [...(config ? [config] : []), ...own, ...manifests]) await get('blobs', part.digest);
}

interface Stores {
  readonly driver: BlobDriver;
  readonly metadata: MetadataStore;
}

function servicesAt(stores: Stores, environment: Readonly<Record<string, string>>, now: () => number) {
  const parts = { ...stores, now, trash: createTrash({ ...stores, now }) };
  const events = { purged: () => undefined, trashed: () => undefined, failed: () => undefined };
  return { ...createCollectionServices(loadConfig({ environment }), { ...parts, events }), files: parts.trash };
}

/** Manifests in a row that may be refused: on a slow machine no push would ever be in time otherwise. */
const mostRefusals = 10;

/**
 * Collects again and again, and purges what is in the trash for long enough. Pauses collection in all processes when no push is
 * in time, until one is.
 */
async function collectOnAndOn(
  stores: Stores,
  options: TortureOptions,
  { isStarving, isOver }: { readonly isStarving: () => boolean; readonly isOver: () => boolean },
): Promise<void> {
  const { environment, longestRestMs } = options;
  const { metadata } = stores;
  const { collector } = servicesAt(stores, environment, Date.now);
  const { trash } = createDeletionServices({ metadata, now: Date.now, acceptMissing: false });
  while (!isOver()) {
    if (isStarving()) {
      await metadata.collectionState.pause({ actor: 'torture', address: '', at: Date.now() });
      await until(() => isOver() || !isStarving(), 300);
      await metadata.collectionState.resume({ actor: 'torture', address: '', at: Date.now() });
    }
    await trash.purgeDue();
    await collector.run();
    await sleep(randomInt(longestRestMs));
  }
}

async function settle(stores: Stores, environment: Readonly<Record<string, string>>): Promise<AtRest> {
  const { driver, metadata } = stores;
  let time = Date.now();
  const { collector, auditor, files } = servicesAt(stores, environment, () => time);
  const { trash } = createDeletionServices({ metadata, now: () => time, acceptMissing: false });
  // Claims of killed servers end after a minute; bytes of such a writer are looked for a day later.
  for (let round = 0; round < 6; round++) {
    time += day;
    await trash.purgeDue();
    await collector.run();
    await files.empty();
  }
  const stored: string[] = [];
  for await (const key of driver.list(blobsPrefix)) stored.push(key.split('/').at(-2) ?? '');
  const recorded = (await metadata.contentChecks.list('', 100_000)).map(({ digest }) => digest.split(':')[1] ?? '');
  const { missed } = await auditor.run(() => undefined);
  return {
    stored: stored.sort(),
    recorded: recorded.sort(),
    missed,
    reviews: await metadata.reviews.countDue(Number.MAX_SAFE_INTEGER, 10),
    wrongCounters: await findWrongCounters(stores, () => time),
  };
}
