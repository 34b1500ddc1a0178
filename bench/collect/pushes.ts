import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createSqliteStore } from '../../storage/metadata/sqlite/sqlite-store.ts';
import { blobKey } from '../../storage/blobs/layout.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import { accepted, digestOf, newImage, pushBlob, pushImage, putManifest, send } from '../client.ts';
import { type Launch, type Server, startServer } from '../server.ts';
import { berth } from '../setups.ts';

export interface PushesScale {
  /** Unneeded blobs. */
  readonly blobs: number;
  /** Length of the measurement of the idle server. */
  readonly seconds: number;
}

interface Latencies {
  readonly pushes: number[];
  readonly gets: number[];
  failures: number;
}

const clients = 16;
const blobBytes = 1024;
const author = { actor: 'bench', address: '', at: 1 };

/** Returns a table with latencies of pushes and of manifest GETs, on an idle server and beside deletions. */
export async function measurePushes({ blobs, seconds }: PushesScale): Promise<readonly (readonly string[])[]> {
  const server = await startServer(withUnneeded(blobs));
  const metadata = await createSqliteStore({ file: join(server.directory, 'metadata.sqlite') });
  try {
    await pushImage(server, 'bench/small', 'latest', newImage(1, blobBytes));
    const end = performance.now() + seconds * 1000;
    const idle = await work(server, () => Promise.resolve(performance.now() > end));
    await metadata.collectionState.resume(author);
    const started = performance.now();
    const busy = await work(server, async () => (await metadata.collectionState.find()).purgedBlobs >= blobs);
    return toTable(idle, busy, `${blobs} blobs in ${((performance.now() - started) / 1000).toFixed(1)} s`);
  } finally {
    await metadata.close();
    await server.close();
  }
}

/** Starts a berth with unneeded blobs in its store and with garbage collection paused. */
function withUnneeded(blobs: number): Launch {
  const launch = berth('berth', { BERTH_GARBAGE_COLLECTION_RATE: '2000' });
  return {
    ...launch,
    async command(port, directory) {
      const metadata = await createSqliteStore({ file: join(directory, 'metadata.sqlite') });
      await metadata.collectionState.pause(author);
      const atOnce = 200;
      for (let from = 0; from < blobs; from += atOnce)
        await Promise.all(Array.from({ length: Math.min(atOnce, blobs - from) }, () => addBlob(metadata, directory)));
      await metadata.close();
      return launch.command(port, directory);
    },
  };
}

async function addBlob(metadata: MetadataStore, directory: string): Promise<void> {
  const bytes = randomBytes(blobBytes);
  const digest = digestOf(bytes) as Parameters<typeof blobKey>[0];
  const path = join(directory, blobKey(digest));
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, bytes);
  await metadata.blobs.commit('bench/unneeded' as Parameters<typeof metadata.blobs.commit>[0], digest, blobBytes, '', 1);
}

/** Lets the clients push and pull until `isOver` resolves to true. */
async function work(server: Server, isOver: () => Promise<boolean>): Promise<Latencies> {
  const latencies: Latencies = { pushes: [], gets: [], failures: 0 };
  let hasEnded = false;
  const client = async (index: number) => {
    while (!hasEnded) {
      await measured(latencies, latencies.pushes, () => pushSmall(server, `bench/client${index}`));
      await measured(latencies, latencies.gets, () =>
        send(server, 'GET', '/v2/bench/small/manifests/latest', undefined, { Accept: accepted }),
      );
    }
  };
  const running = Promise.all(Array.from({ length: clients }, (_, index) => client(index)));
  while (!(await isOver())) await new Promise((resolve) => setTimeout(resolve, 200));
  hasEnded = true;
  await running;
  return latencies;
}

async function measured(latencies: Latencies, into: number[], request: () => Promise<unknown>): Promise<void> {
  const started = performance.now();
  try {
    await request();
    into.push(performance.now() - started);
  } catch {
    latencies.failures++;
  }
}

async function pushSmall(server: Server, repository: string): Promise<void> {
  const { layers, config, manifest } = newImage(1, blobBytes);
  for (const bytes of [...layers, config]) await pushBlob(server, repository, bytes);
  await putManifest(server, repository, 'latest', manifest);
}

function toTable(idle: Latencies, busy: Latencies, title: string): readonly (readonly string[])[] {
  const p99 = (values: readonly number[]) => values.toSorted((one, other) => one - other)[Math.floor(values.length * 0.99)] ?? 0;
  const row = (name: string, what: 'pushes' | 'gets') => {
    const [before, during] = [p99(idle[what]), p99(busy[what])];
    return [name, `${before.toFixed(1)} ms`, `${during.toFixed(1)} ms`, (during / before).toFixed(2)];
  };
  return [
    [`${clients} clients beside the deletion of ${title}`, 'idle', 'deleting', 'ratio'],
    row('p99 of a push of an image with two blobs', 'pushes'),
    row('p99 of a manifest GET', 'gets'),
    ['failed requests', String(idle.failures), String(busy.failures), ''],
  ];
}
