import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSqliteStore } from '../../storage/metadata/sqlite/sqlite-store.ts';
import { pushBlob } from '../client.ts';
import { median } from '../report.ts';
import { type Server, startServer, untilIdle } from '../server.ts';
import { berth } from '../setups.ts';
import { fill } from './decisions.ts';
import { type RegistrySizes, measureBoth } from './two-registries.ts';

const rounds = 5;
const clients = 4;
const blobBytes = 1024;

/** Blobs that nothing needs are deleted within seconds. */
const settings = { BERTH_GARBAGE_COLLECTION_GRACE: '0s', BERTH_GARBAGE_COLLECTION_RATE: '100000' };

/**
 * Returns a table with the CPU seconds of two servers for the same events: blobs are pushed that no manifest needs,
 * until their bytes are deleted and all work that follows is done.
 */
export async function measureEvents({ small, large, events }: RegistrySizes): Promise<readonly (readonly string[])[]> {
  const costs = await measureBoth([await startRegistry(small, events), await startRegistry(large, events)], rounds);
  const [one, other] = costs.map(median) as [number, number];
  return [
    [
      `CPU of ${events} unneeded blobs, from the push to the deletion, median of ${rounds} runs`,
      `${small} blobs`,
      `${large} blobs`,
      'ratio',
    ],
    ['seconds', one.toFixed(2), other.toFixed(2), (other / one).toFixed(2)],
  ];
}

async function startRegistry(blobs: number, events: number) {
  const server = await startServer(berth('berth', settings));
  const file = join(server.directory, 'metadata.sqlite');
  await server.restart(() => fill(file, blobs, 0));
  const metadata = await createSqliteStore({ file });
  await untilIdle(server);
  let purged = 0;
  return {
    /** Resolves to CPU seconds. */
    async run(): Promise<number> {
      const before = await server.cpuSeconds();
      await Promise.all(Array.from({ length: clients }, () => pushBlobs(server, Math.ceil(events / clients))));
      purged += Math.ceil(events / clients) * clients;
      while ((await metadata.collectionState.find()).purgedBlobs < purged) await sleep(500);
      await untilIdle(server);
      return (await server.cpuSeconds()) - before;
    },
    async close() {
      await metadata.close();
      await server.close();
    },
  };
}

/** Into the repository that has all other blobs. */
async function pushBlobs(server: Server, count: number): Promise<void> {
  for (let index = 0; index < count; index++) await pushBlob(server, 'app', randomBytes(blobBytes));
}
