import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createSqliteStore } from '../../storage/metadata/sqlite/sqlite-store.ts';
import { stepReviews } from '../../src/maintenance/collect/collector.ts';
import { stepRows } from '../../src/maintenance/quotas/counter.ts';
import { fill } from './decisions.ts';

export interface StepsScale {
  /** Needed blobs of the registry. */
  readonly blobs: number;
  /** Unreferenced blobs with a due review. */
  readonly unneeded: number;
}

/** A step of background work should hold the write lock, or the event loop, for at most so many milliseconds. */
const goalMilliseconds = 20;

type Store = Awaited<ReturnType<typeof createSqliteStore>>;

/** Returns a table with the times of single steps of background work: each one holds the write lock for less than that. */
export async function measureSteps({ blobs, unneeded }: StepsScale): Promise<readonly (readonly string[])[]> {
  const directory = await mkdtemp(join(tmpdir(), 'bench-steps-'));
  const file = join(directory, 'metadata.sqlite');
  await (await createSqliteStore({ file })).close();
  fill(file, blobs, unneeded);
  const store = await createSqliteStore({ file });
  const loop = monitorEventLoopDelay({ resolution: 1 });
  loop.enable();
  try {
    const rows = [...(await measureCollection(store)), await measureQuotas(store), await measureUsage(store)];
    loop.disable();
    return [
      [`one step, beside ${blobs} blobs`, 'steps', 'median', 'p99', `longest (goal: ${goalMilliseconds} ms)`],
      ...rows,
      ['delay of the event loop meanwhile', '', ms(loop.percentile(50) / 1e6), ms(loop.percentile(99) / 1e6), ms(loop.max / 1e6)],
    ];
  } finally {
    await store.close();
    await rm(directory, { recursive: true });
  }
}

async function measureCollection(store: Store): Promise<readonly (readonly string[])[]> {
  const [decisions, ends] = [createTimes(), createTimes()];
  const now = 1e12;
  for (;;) {
    const step = { now, limit: stepReviews, purger: 'bench', until: now + 60_000 };
    const { reviewed, unlinked, purges } = await decisions.of(() => store.collection.step(step));
    await ends.of(() => store.collection.finishPurges('bench', purges, now + 60_000, now));
    if (reviewed < stepReviews && unlinked === 0) break;
  }
  return [decisions.row(`garbage collection: decide ${stepReviews} reviews`), ends.row('garbage collection: end deletions')];
}

async function measureQuotas(store: Store): Promise<readonly string[]> {
  await store.quotaRules.configure([{ name: 'all', match: ['**'], per: 'all', maxBytes: null, maxTags: null }]);
  const times = createTimes();
  for (let steps = 0; steps < 500 && (await store.quotaCounting.isNeeded()); steps++)
    await times.of(() => store.quotaCounting.step(stepRows));
  return times.row(`quotas: count ${stepRows} contents of a new rule`);
}

async function measureUsage(store: Store): Promise<readonly string[]> {
  const times = createTimes();
  let after: string | null = '';
  for (let pages = 0; pages < 500 && after !== null; pages++) {
    const from: string = after;
    after = (await times.of(() => store.usageCounting.sumContents(1, from, 100))).last;
  }
  return times.row('sizes: sum 100 contents (a read, on the event loop)');
}

function createTimes() {
  const times: number[] = [];
  const at = (part: number) => times.toSorted((one, other) => one - other)[Math.ceil(part * times.length) - 1] ?? 0;
  return {
    async of<Result>(work: () => Promise<Result>): Promise<Result> {
      const since = performance.now();
      const result = await work();
      times.push(performance.now() - since);
      return result;
    },
    row: (title: string) => [title, String(times.length), ms(at(0.5)), ms(at(0.99)), ms(at(1))],
  };
}

const ms = (milliseconds: number) => `${milliseconds.toFixed(1)} ms`;
