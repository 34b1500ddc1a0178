import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fillRegistry } from '../../test/support/large-registry.ts';
import { stepReviews } from '../../src/maintenance/collect/collector.ts';
import { createSqliteStore } from '../../storage/metadata/sqlite/sqlite-store.ts';

export interface EventsScale {
  /** Blobs of the two registries. */
  readonly small: number;
  readonly large: number;
  readonly events: number;
}

const runs = 3;

/** Returns a table with the CPU seconds of the same changes in registries of two sizes. */
export async function measureEvents({ small, large, events }: EventsScale): Promise<readonly (readonly string[])[]> {
  const [one, other] = [await cpuSeconds(small, events), await cpuSeconds(large, events)];
  return [
    [`CPU of ${events} unneeded blobs, from the review to the end of the purge`, `${small} blobs`, `${large} blobs`, 'ratio'],
    ['seconds, the best of three runs', one.toFixed(3), other.toFixed(3), (other / one).toFixed(2)],
  ];
}

async function cpuSeconds(blobs: number, events: number): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), 'bench-events-'));
  const file = join(directory, 'metadata.sqlite');
  await (await createSqliteStore({ file })).close();
  fill(file, blobs, events);
  const store = await createSqliteStore({ file });
  try {
    const results: number[] = [];
    for (let run = 0; run < runs; run++) {
      // The first run is the only one with these rows; the others review new ones.
      if (run > 0)
        for (let index = 0; index < events; index++)
          await store.blobs.commit('app' as never, nameOf(blobs, run, index), 1, '', 1);
      const before = process.cpuUsage();
      await collect(store, run);
      const { user, system } = process.cpuUsage(before);
      results.push((user + system) / 1e6);
    }
    return Math.min(...results);
  } finally {
    await store.close();
    await rm(directory, { recursive: true });
  }
}

const nameOf = (blobs: number, run: number, index: number) => `sha256:${blobs}-${run}-${index}` as never;

/** Makes `blobs` needed blobs, and `unneeded` others that a review is due for. */
export function fill(file: string, blobs: number, unneeded: number): void {
  const database = new DatabaseSync(file);
  fillRegistry(database, { blobs, unneeded });
  database.close();
}

/** Decides everything that is due, without the deletion of files. */
async function collect(store: Awaited<ReturnType<typeof createSqliteStore>>, run: number): Promise<void> {
  const now = 1e12 * (run + 1);
  for (;;) {
    const step = { now, limit: stepReviews, purger: 'bench', until: now + 60_000 };
    const { reviewed, unlinked, purges } = await store.collection.step(step);
    await store.collection.finishPurges('bench', purges, now + 60_000, now);
    if (reviewed < stepReviews && unlinked === 0) return;
  }
}
