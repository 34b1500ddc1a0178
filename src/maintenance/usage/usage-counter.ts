import { setImmediate as yieldToOthers } from 'node:timers/promises';
import type { BlobDriver } from '../../../storage/blobs/driver.ts';
import { indexesPrefix } from '../../../storage/blobs/layout.ts';
import type {
  ChangedRepository,
  CountedRepository,
  UsageState,
  UsageSums,
} from '../../../storage/metadata/queries/usage/counting.ts';
import type { NamespaceUsage } from '../../../storage/metadata/queries/usage/sizes.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { createEstimator } from '../collect/estimate.ts';
import { defaultUntaggedMs } from '../collect/overview.ts';

/**
 * Counts the sizes of repositories in the background: first those that have just changed, then all of them one after the other.
 * Views read the sums, so that they cost the same however much is stored.
 */
export interface UsageCounter {
  /** One run of the job: counts about 5,000 contents. Ends early when `signal` is aborted. */
  run(signal: AbortSignal): Promise<void>;
}

export interface UsageCounterOptions {
  readonly driver: Pick<BlobDriver, 'listEntries' | 'listPartial' | 'inProgressBytes'>;
  readonly metadata: MetadataStore;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Contents of a run, and of one read, which keeps the event loop for less than some milliseconds. */
const contentsOfRun = 5000;
const contentsOfRead = 100;
const repositoriesOfRead = 20;
const eventsOfRead = 500;
/** A count of all repositories begins so long after the last one; earlier after a change if all contents fit into one run. */
const sweepMs = 3_600_000;
const smallSweepMs = 60_000;
/**
 * After a count, a repository is not counted again for this time per content. Otherwise one of a million contents would be
 * counted again and again while clients push to it: a count takes up to 0.1 ms for each of them.
 */
const restMsOfContent = 2;
/** Repositories with garbage are counted again so long after their last count: a deletion of garbage is no event. */
const garbageMs = 60_000;
/** Open uploads that are measured. */
const maxUploads = 1000;

const nothing: UsageSums = {
  contents: 0,
  bytes: 0,
  ownBytes: 0,
  heldBytes: 0,
  cacheBytes: 0,
  trashBytes: 0,
  garbageBytes: 0,
};

export function createUsageCounter({ driver, metadata, now }: UsageCounterOptions): UsageCounter {
  const { usageCounting: counting, collectionState } = metadata;
  const estimator = createEstimator(metadata, now);
  /** Changed repositories that rest, by their ids. If the process ends, the next count of all repositories counts them. */
  const resting = new Map<number, ChangedRepository>();

  async function sumContents(repositoryId: number, signal: AbortSignal): Promise<UsageSums> {
    let sums = nothing;
    for (let after: string | null = ''; after !== null;) {
      signal.throwIfAborted();
      await yieldToOthers();
      const page = await counting.sumContents(repositoryId, after, contentsOfRead);
      sums = add(sums, page);
      after = page.contents === contentsOfRead ? page.last : null;
    }
    return sums;
  }

  /** Resolves to the number of contents. */
  async function count(repository: CountedRepository, untaggedMs: number, signal: AbortSignal): Promise<number> {
    const { repositoryId, isMirrored } = repository;
    const sums = await sumContents(repositoryId, signal);
    const untagged = isMirrored ? undefined : await estimator.findUntagged(repository, untaggedMs);
    const { count: untaggedManifests, bytes: untaggedBytes } = untagged ?? { count: 0, bytes: 0 };
    await counting.record({ ...sums, repositoryId, untaggedManifests, untaggedBytes }, now());
    resting.delete(repositoryId);
    return sums.contents + 1;
  }

  /** Counts repositories that have changed, and those with garbage. Resolves to the id of the last event, and what is left. */
  async function countChanged(after: number, untaggedMs: number, signal: AbortSignal) {
    let [budget, position, hasMore] = [contentsOfRun, after, true];
    for (const repository of resting.values()) {
      if (budget <= 0 || isResting(repository, now())) continue;
      budget -= await count(repository, untaggedMs, signal);
    }
    while (hasMore && budget > 0) {
      const changed = await counting.listChanged(position, eventsOfRead);
      for (const repository of changed.repositories) {
        if (isResting(repository, now())) resting.set(repository.repositoryId, repository);
        else budget -= await count(repository, untaggedMs, signal);
      }
      ({ last: position, hasMore } = changed);
    }
    for (const repository of await counting.listWithGarbage(now() - garbageMs, restMsOfContent, repositoriesOfRead))
      if (budget > 0) budget -= await count(repository, untaggedMs, signal);
    return { position, budget };
  }

  /** True if content has changed without an event: downloads and evictions of the mirror, deletions of garbage. */
  async function hasDrifted({ orphanBlobs }: UsageState, total: NamespaceUsage | undefined): Promise<boolean> {
    const { contentBytes } = await metadata.mirrorSpace.size();
    return orphanBlobs > 0 || (total?.garbageBytes ?? 0) > 0 || (total?.cacheBytes ?? 0) !== contentBytes;
  }

  /** Counts repositories after the id. Resolves to the last one; null if it was the last of all. */
  async function countAll(after: number, contents: number, untaggedMs: number, signal: AbortSignal): Promise<number | null> {
    let [position, budget] = [after, contents];
    while (budget > 0) {
      const page = await counting.listById(position, repositoriesOfRead);
      for (const repository of page) {
        budget -= await count(repository, untaggedMs, signal);
        position = repository.repositoryId;
        if (budget <= 0) break;
      }
      if (budget > 0 && page.length < repositoriesOfRead) return null;
    }
    return position;
  }

  async function sumOrphans(): Promise<Pick<UsageState, 'orphanBlobs' | 'orphanBytes'>> {
    let [orphanBlobs, orphanBytes] = [0, 0];
    for (let after: string | undefined = ''; after !== undefined;) {
      await yieldToOthers();
      const page = await counting.sumOrphans(after, contentsOfRead);
      orphanBlobs += page.blobs;
      orphanBytes += page.bytes;
      after = page.last;
    }
    return { orphanBlobs, orphanBytes };
  }

  /** Measures in the blob store what has no rows: indexes of layers, open uploads. */
  async function measureStore(signal: AbortSignal): Promise<Pick<UsageState, 'indexBytes' | 'uploads' | 'uploadBytes'>> {
    let [indexBytes, uploads, uploadBytes] = [0, 0, 0];
    for await (const { sizeBytes } of driver.listEntries(indexesPrefix)) {
      signal.throwIfAborted();
      indexBytes += sizeBytes;
    }
    for await (const { key } of driver.listPartial()) {
      signal.throwIfAborted();
      uploads += 1;
      // An upload may end between its listing and this look at it.
      if (uploads <= maxUploads) uploadBytes += await driver.inProgressBytes(key).catch(() => 0);
    }
    return { indexBytes, uploads, uploadBytes };
  }

  async function run(signal: AbortSignal): Promise<void> {
    const former = await counting.findState();
    const untaggedMs = (await collectionState.find()).untaggedMs ?? defaultUntaggedMs;
    const changed = await countChanged(former.eventPosition, untaggedMs, signal);
    const total = await metadata.usageSizes.findNamespace('');
    const isStale = former.isStale || changed.position !== former.eventPosition || (await hasDrifted(former, total));
    const state: UsageState = { ...former, eventPosition: changed.position, isStale };
    const isSmall = (total?.contents ?? 0) <= contentsOfRun;
    if (former.position === null && !isSweepDue(state, isSmall, now())) return counting.putState(state);
    const begun = former.position === null ? { ...state, startedAt: now(), isStale: false } : state;
    const position = await countAll(former.position ?? 0, Math.max(changed.budget, contentsOfRead), untaggedMs, signal);
    if (position !== null) return counting.putState({ ...begun, position });
    const rest = { ...(await sumOrphans()), ...(await measureStore(signal)) };
    return counting.putState({ ...begun, position, completedAt: now(), ...rest });
  }

  return {
    async run(signal) {
      try {
        await run(signal);
      } catch (error) {
        if (!signal.aborted) throw error;
      }
    },
  };
}

function isResting({ contents, countedAt }: ChangedRepository, now: number): boolean {
  if (countedAt === null || countedAt > now) return false; // after a clock was set back
  return now - countedAt < (contents ?? 0) * restMsOfContent;
}

function isSweepDue({ startedAt, completedAt, isStale }: UsageState, isSmall: boolean, now: number): boolean {
  if (startedAt === null || completedAt === null) return true;
  return now - startedAt >= (isSmall && isStale ? smallSweepMs : sweepMs);
}

function add(one: UsageSums, other: UsageSums): UsageSums {
  return {
    contents: one.contents + other.contents,
    bytes: one.bytes + other.bytes,
    ownBytes: one.ownBytes + other.ownBytes,
    heldBytes: one.heldBytes + other.heldBytes,
    cacheBytes: one.cacheBytes + other.cacheBytes,
    trashBytes: one.trashBytes + other.trashBytes,
    garbageBytes: one.garbageBytes + other.garbageBytes,
  };
}
