import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSqliteStore } from '../../storage/metadata/sqlite/sqlite-store.ts';
import { pushBlob } from '../client.ts';
import { median } from '../report.ts';
import { type Server, startServer, untilIdle } from '../server.ts';
import { berth } from '../setups.ts';
import { type RegistrySizes, fill } from './decisions.ts';

const rounds = 5;
const clients = 4;
const blobBytes = 1024;

/** Blobs that nothing needs are deleted within seconds. */
const settings = { BERTH_GARBAGE_COLLECTION_GRACE: '0s', BERTH_GARBAGE_COLLECTION_RATE: '100000' };

/**
 * Returns a table with the CPU seconds of two servers for the same events, by turns: blobs are pushed that no manifest needs,
 * until their bytes are deleted and all work that follows is done.
 */
export async function measureEvents({ small, large, events }: RegistrySizes): Promise<readonly (readonly string[])[]> {
  const registries = [await startRegistry(small), await startRegistry(large)] as const;
  const costs: [number[], number[]] = [[], []];
  try {
    for (let round = 0; round < rounds; round++) {
      const order = round % 2 === 0 ? [0, 1] : [1, 0];
      for (const index of order as (0 | 1)[]) costs[index].push(await registries[index].run(events));
    }
  } finally {
    await Promise.all(registries.map((registry) => registry.close()));
  }
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

async function startRegistry(blobs: number) {
  const server = await startServer(berth('berth', settings));
  const file = join(server.directory, 'metadata.sqlite');
  await server.restart(() => fill(file, blobs, 0));
  const metadata = await createSqliteStore({ file });
  await untilIdle(server);
  let purged = 0;
  return {
    /** Resolves to CPU seconds. */
    async run(events: number): Promise<number> {
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
