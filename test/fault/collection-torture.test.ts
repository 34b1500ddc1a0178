import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type BerthProcess, startBerthProcess } from '../support/berth-process.ts';
import { s3Settings } from '../support/blobs.ts';
import { type TortureOptions, expectWhole, startTorture } from '../support/collection-torture.ts';
import { startDockerd } from '../support/dockerd.ts';
import { isLong } from '../support/long.ts';
import { postgresSettings } from '../support/metadata.ts';
import { createDatabase, postgresPrograms } from '../support/postgres.ts';
import { describeWith } from '../support/requires.ts';
import { missing } from '../support/run.ts';
import { createBucket, s3Programs } from '../support/s3-server.ts';

interface Extent {
  /** Milliseconds between two runs of the collector, at most. */
  readonly longestRestMs: number;
  readonly kills: number;
  /** Acknowledged pushes before each kill. */
  readonly pushes: number;
}

/** The S3 server of the tests is slow. */
const overFiles: Extent = { longestRestMs: 500, kills: 4, pushes: 75 };
const overS3: Extent = { longestRestMs: 3000, kills: 3, pushes: 10 };

let scratch: string;
const quotas = `quotas:
  - { name: namespaces, match: "**", per: namespace, size: 1GiB, tags: 1000 }
  - { name: all, match: "**", per: all, size: 1GiB }
`;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'berth-torture-'));
  await writeFile(join(scratch, 'berth.yaml'), quotas);
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

const settings = () => ({
  BERTH_CONFIG: join(scratch, 'berth.yaml'),
  BERTH_GARBAGE_COLLECTION_GRACE: '0s',
  BERTH_GARBAGE_COLLECTION_RATE: '100000',
  BERTH_TRASH_WINDOW: '1s',
  BERTH_SHUTDOWN_GRACE: '1s',
});

/** Kills one server after the other while clients work; then all must be there, and nothing else. */
async function torture(
  servers: readonly BerthProcess[],
  { kills, pushes, ...options }: Extent & Pick<TortureOptions, 'docker'>,
): Promise<void> {
  const [first] = servers;
  if (!first) throw new Error('there is no server');
  const running = await startTorture(servers, { environment: first.environment, ...options });
  try {
    for (let kill = 0; kill < kills; kill++) {
      await running.awaitPushes(pushes);
      const victim = servers[kill % servers.length];
      await victim?.kill('SIGKILL');
      await victim?.start();
    }
    await running.awaitPushes(pushes);
    const kept = await running.stop();
    expect(kept.size).toBeGreaterThan(0);
    for (const name of kept) await expectWhole(first, name);
    for (const server of servers) await server.kill('SIGTERM');
    const { stored, recorded, ...left } = await running.settle();
    expect(stored).toEqual(recorded);
    expect(left).toEqual({ missed: 0, reviews: 0, wrongCounters: [] });
    await first.start();
    for (const name of kept) await expectWhole(first, name);
  } finally {
    await running.close();
  }
}

// A short run takes ten seconds: too long for every run of all tests.
(isLong ? describe : describe.skip)(
  'garbage collection without a grace, beside clients, docker, caches of BuildKit and kills',
  () => {
    test('two workers over files and SQLite lose no kept image, and leave nothing else', async () => {
      const berth = await startBerthProcess({ ...settings(), BERTH_WORKERS: '2' });
      const daemon = missing('docker', 'dockerd').length > 0 ? undefined : await startDockerd();
      try {
        await torture([berth], { ...overFiles, docker: daemon && { daemon, host: berth.host } });
      } finally {
        await daemon?.close();
        await berth.dispose();
      }
    }, 600_000);
  },
);

if (isLong) {
  describeWith([...postgresPrograms, ...s3Programs], 'garbage collection without a grace over S3 and PostgreSQL', () => {
    test('two replicas lose no kept image when they are killed in turn, and leave nothing else', async () => {
      const [database, bucket] = await Promise.all([createDatabase(), createBucket()]);
      const shared = {
        ...settings(),
        ...postgresSettings(database.url),
        ...s3Settings(bucket),
        BERTH_STORAGE_BLOBS_DIRECTORY: join(scratch, 'blobs'),
      };
      const servers: BerthProcess[] = [];
      try {
        for (let count = 0; count < 2; count++) servers.push(await startBerthProcess(shared));
        await torture(servers, overS3);
      } finally {
        for (const server of servers) await server.dispose();
        await bucket.remove();
        await database.drop();
      }
    }, 900_000);
  });
}
