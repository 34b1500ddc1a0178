import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fillRegistry, spreadDigest } from '../../test/support/large-registry.ts';
import { stepReviews } from '../../src/maintenance/collect/collector.ts';
import { createSqliteStore } from '../../storage/metadata/sqlite/sqlite-store.ts';
import { median } from '../report.ts';
import { type RegistrySizes, measureBoth } from './two-registries.ts';

interface Cost {
  readonly cpuMicroseconds: number;
  /** Calls of the operating system: SQLite reads a page with one, and writes one with two. */
  readonly reads: number;
  readonly writes: number;
}

const rounds = 8;
const cacheKiB = 512 * 1024;

/**
 * Returns a table with the costs of deciding about unneeded blobs in registries of two sizes. Digests are spread over
 * the indexes as those of SHA-256 are.
 */
export async function measureDecisions({ small, large, events }: RegistrySizes): Promise<readonly (readonly string[])[]> {
  const costs = await measureBoth([await openRegistry(small, events), await openRegistry(large, events)], rounds);
  const row = (title: string, what: keyof Cost, digits: number) => {
    const [one, other] = costs.map((runs) => median(runs.map((run) => run[what] / events))) as [number, number];
    return [title, one.toFixed(digits), other.toFixed(digits), (other / one).toFixed(2)];
  };
  return [
    [`decisions about ${events} unneeded blobs, for each, median of ${rounds} runs`, `${small} blobs`, `${large} blobs`, 'ratio'],
    row('CPU, µs', 'cpuMicroseconds', 0),
    row('reads', 'reads', 1),
    row('writes', 'writes', 1),
  ];
}

async function openRegistry(blobs: number, events: number) {
  const directory = await mkdtemp(join(tmpdir(), 'bench-events-'));
  const file = join(directory, 'metadata.sqlite');
  await (await createSqliteStore({ file })).close();
  fill(file, blobs, events * rounds);
  const store = await createSqliteStore({ file });

  /** Decides the reviews of one round, without the deletion of files. */
  async function run(round: number): Promise<Cost> {
    const now = (round + 1) * events;
    const [reads, writes] = await ioCalls();
    const before = process.cpuUsage();
    for (;;) {
      const { reviewed, unlinked, purges } = await store.collection.step({
        now,
        limit: stepReviews,
        purger: 'bench',
        until: now,
      });
      await store.collection.finishPurges('bench', purges, now, now);
      if (reviewed < stepReviews && unlinked === 0) break;
    }
    const { user, system } = process.cpuUsage(before);
    const [readsAfter, writesAfter] = await ioCalls();
    return { cpuMicroseconds: user + system, reads: readsAfter - reads, writes: writesAfter - writes };
  }

  return {
    run,
    async close() {
      await store.close();
      await rm(directory, { recursive: true });
    },
  };
}

/** Adds blobs that an image needs, and others that nothing needs. The reviews of these are due 1 ms apart. */
export function fill(file: string, blobs: number, unneeded: number): void {
  const database = new DatabaseSync(file, { timeout: 60_000 });
  // Digests in no order: without the indexes in memory, each row would read and write pages.
  database.exec(`PRAGMA synchronous = OFF; PRAGMA cache_size = -${cacheKiB}`);
  fillRegistry(database, { blobs, unneeded, digest: spreadDigest });
  database.close();
}

/** Resolves to the reads and writes of this process so far. */
async function ioCalls(): Promise<readonly [reads: number, writes: number]> {
  const text = await readFile('/proc/self/io', 'utf8');
  const count = (name: string) => Number(new RegExp(`^${name}: (\\d+)`, 'm').exec(text)?.[1]);
  return [count('syscr'), count('syscw')];
}
