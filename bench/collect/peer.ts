import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSqliteStore } from '../../storage/metadata/sqlite/sqlite-store.ts';
import { s3Settings } from '../../test/support/blobs.ts';
import { startFaultProxy } from '../../test/support/fault-proxy.ts';
import { createBucket } from '../../test/support/s3-server.ts';
import { type Image, digestOf, newImage, pushImage, send } from '../client.ts';
import { median } from '../report.ts';
import { type Server, startServer, untilIdle } from '../server.ts';
import { berth, distribution, distributionS3 } from '../setups.ts';
import { type CommandCost, measureCommand } from './command.ts';

type Table = readonly (readonly string[])[];

/** Where both servers keep their images, and how many requests have gone there so far: none to a folder. */
interface Place {
  /** Variables of berth. */
  readonly settings: Readonly<Record<string, string>>;
  /** Lines of docker-registry's configuration; undefined: a folder. */
  readonly storage: string | undefined;
  requests(): number;
  close(): Promise<void>;
}

interface Cost extends CommandCost {
  readonly requests: number;
}

const layersOfImage = 4;
/** Every tenth image is deleted. */
const deletedPart = 10;
const adoptions = 3;
const pollMilliseconds = 20;
const author = { actor: 'bench', address: '', at: 1 };
const program = resolve(import.meta.dirname, '../../bin/berth');

/** The collector deletes at once and as fast as it can. */
const collecting = {
  BERTH_GARBAGE_COLLECTION_GRACE: '0s',
  BERTH_GARBAGE_COLLECTION_RATE: '100000',
  BERTH_TRASH_WINDOW: '0s',
};

/** Returns a table with the costs of a collection of the same deletions in a folder, and of an adoption against a mark. */
export const measurePeer = (images: number): Promise<Table> => compare(images, () => Promise.resolve(folder));

/** Returns the same over S3, with the number of requests. */
export const measureBucket = (images: number): Promise<Table> => compare(images, openBucket);

const folder: Place = { settings: {}, storage: undefined, requests: () => 0, close: () => Promise.resolve() };

/** A bucket of its own, behind a proxy that counts. */
async function openBucket(): Promise<Place> {
  const bucket = await createBucket();
  const proxy = await startFaultProxy(bucket.endpoint);
  const counted = { ...bucket, endpoint: proxy.url };
  return {
    settings: s3Settings(counted),
    storage: distributionS3(counted),
    requests: () => proxy.seen.length,
    async close() {
      await proxy.close();
      await bucket.remove();
    },
  };
}

async function compare(images: number, openPlace: () => Promise<Place>): Promise<Table> {
  const all = Array.from({ length: images }, () => newImage(layersOfImage, 1024));
  const [ourPlace, theirPlace] = [await openPlace(), await openPlace()];
  try {
    const collected = await measureBerth(all, ourPlace);
    const { swept, marked, adopted } = await measureDistribution(all, theirPlace);
    const collection = `collection after ${Math.ceil(images / deletedPart)} of ${images} images were deleted`;
    return [
      ['command, from its start to its end', 'berth', 'docker-registry', 'ratio'],
      ...rows(collection, collected, swept),
      ...rows(`adoption of ${images} images, against the mark of a collection`, adopted, marked),
    ];
  } finally {
    await Promise.all([ourPlace.close(), theirPlace.close()]);
  }
}

function rows(title: string, ours: Cost, theirs: Cost): Table {
  const row = (what: string, digits: number, of: (cost: Cost) => number) => [
    `${title}: ${what}`,
    of(ours).toFixed(digits),
    of(theirs).toFixed(digits),
    (of(ours) / of(theirs)).toFixed(3),
  ];
  return [
    row('wall time, s', 2, ({ wallSeconds }) => wallSeconds),
    row('CPU, s', 2, ({ cpuSeconds }) => cpuSeconds),
    ...(theirs.requests > 0 ? [row('requests to S3', 0, ({ requests }) => requests)] : []),
  ];
}

async function measure(
  place: Place,
  command: string,
  args: readonly string[],
  env?: Readonly<Record<string, string>>,
): Promise<Cost> {
  const before = place.requests();
  const cost = await measureCommand(command, args, env);
  return { ...cost, requests: place.requests() - before };
}

async function prepare(server: Server, images: readonly Image[]): Promise<void> {
  for (const [index, image] of images.entries()) await pushImage(server, `bench/app${index % 20}`, `t${index}`, image);
  for (const [index, { manifest }] of images.entries()) {
    if (index % deletedPart === 0) await send(server, 'DELETE', `/v2/bench/app${index % 20}/manifests/${digestOf(manifest)}`);
  }
}

/**
 * The server runs meanwhile, and takes a part of the work. The costs are those of both, from the end of the pause until everything
 * is deleted.
 */
async function measureBerth(images: readonly Image[], place: Place): Promise<Cost> {
  const server = await startServer(berth('berth', { ...collecting, ...place.settings }));
  const metadata = await createSqliteStore({ file: join(server.directory, 'metadata.sqlite') });
  const env = { ...collecting, ...place.settings, BERTH_STORAGE_BLOBS_DIRECTORY: server.directory };
  try {
    await metadata.collectionState.pause(author);
    await prepare(server, images);
    await untilIdle(server);
    const [started, cpuBefore, requestsBefore] = [performance.now(), await server.cpuSeconds(), place.requests()];
    await metadata.collectionState.resume(author);
    const command = await measureCommand(program, ['gc', 'run'], env);
    const unneeded = Math.ceil(images.length / deletedPart) * (layersOfImage + 2);
    while ((await metadata.collectionState.find()).purgedBlobs < unneeded) await sleep(pollMilliseconds);
    const wallSeconds = (performance.now() - started) / 1000;
    await untilIdle(server);
    const cpuSeconds = command.cpuSeconds + (await server.cpuSeconds()) - cpuBefore;
    return { ...command, wallSeconds, cpuSeconds, requests: place.requests() - requestsBefore };
  } finally {
    await metadata.close();
    await server.close();
  }
}

/** Its collection needs a server that accepts no pushes; here it idles. Marks and adoptions read the store by turns. */
async function measureDistribution(images: readonly Image[], place: Place) {
  const server = await startServer(distribution('docker-registry', place.storage));
  const collect = (...options: readonly string[]) =>
    measure(place, 'docker-registry', ['garbage-collect', ...options, join(server.directory, 'config.yml')], {
      AWS_CA_BUNDLE: '',
    });
  const metadata = join(server.directory, 'metadata.sqlite');
  const [marks, adopted]: [Cost[], Cost[]] = [[], []];
  try {
    await prepare(server, images);
    for (let round = 0; round < adoptions; round++) {
      for (const suffix of ['', '-wal', '-shm']) await rm(`${metadata}${suffix}`, { force: true });
      const env = { ...place.settings, BERTH_STORAGE_BLOBS_DIRECTORY: server.directory };
      adopted.push(await measure(place, program, ['adopt'], env));
      marks.push(await collect('--dry-run'));
    }
    return { swept: await collect(), marked: medianOf(marks), adopted: medianOf(adopted) };
  } finally {
    await server.close();
  }
}

function medianOf(costs: readonly Cost[]): Cost {
  const of = (what: keyof Cost) => median(costs.map((cost) => cost[what]));
  return {
    wallSeconds: of('wallSeconds'),
    cpuSeconds: of('cpuSeconds'),
    peakBytes: of('peakBytes'),
    requests: of('requests'),
  };
}
