import type { BackOff } from '../../../storage/back-off.ts';
import type { BlobDriver } from '../../../storage/blobs/driver.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { openContent } from '../../content/missing-content.ts';
import { waitForLease } from '../../coordination/lease-wait.ts';
import type { Leases } from '../../coordination/leases.ts';
import { createLru } from '../../coordination/lru.ts';
import { createSemaphore } from '../../coordination/semaphore.ts';
import type { Digest } from '../../oci/digest.ts';
import { type JobProgress, type JobRecorder, type NewJob, unrecorded } from '../../progress/job-recorder.ts';
import { serverOwner } from '../../progress/job.ts';
import type { Head, IndexFailure } from '../index/head.ts';
import type { ImageHead } from '../index/image-head.ts';
import { createIndexWriter } from '../index/index-writer.ts';
import type { LayerHead } from '../index/layer-head.ts';
import { type Limits, defaultLimits } from '../layers/limits.ts';
import type { IndexStore, StoredIndex } from '../store/index-store.ts';
import { type IndexWorker, JobFailed } from '../worker/index-worker.ts';
import type { Job } from '../worker/protocol.ts';

/** A blob of the blob store. */
export interface StoredBlob {
  readonly digest: Digest;
  readonly sizeBytes: number;
}

/** An image: its manifest, and its layers from the bottom to the top. */
export interface LayeredImage {
  readonly digest: Digest;
  readonly layers: readonly StoredBlob[];
}

/** Whether there is an index. */
export type IndexState<Kind extends Head> =
  | { readonly state: 'ready'; readonly index: StoredIndex<Kind> }
  /** Building it again would fail again; `limit` is undefined if it may succeed in a minute. */
  | { readonly state: 'failed'; readonly digest: Digest; readonly failure: IndexFailure | TemporaryFailure }
  | { readonly state: 'absent' };

export interface TemporaryFailure {
  readonly limit: undefined;
  readonly message: string;
}

/** How far the index of an image is. */
export interface BuildProgress {
  /** True while a process builds it. */
  readonly isBuilding: boolean;
  readonly indexedLayers: number;
}

/** The indexes of layers and images: finds them, and has them built once in all processes that share the stores. */
export interface Indexes {
  layer(blob: StoredBlob): Promise<IndexState<LayerHead>>;
  /** A layer that failed makes the image fail. */
  image(image: LayeredImage): Promise<IndexState<ImageHead>>;
  /** Returns how far the index of an image is that is absent. */
  progress(image: LayeredImage): Promise<BuildProgress>;
  /**
   * Builds the index of an image and those of its layers, unless they are there. Resolves at the end, also of a build that
   * another caller or process has begun, and of one that fails: then `image` says why. Rejects `ConcurrencyLimitExceeded`
   * if too many wait.
   */
  build(image: LayeredImage): Promise<void>;
  /** Ends builds in progress. */
  close(): Promise<void>;
}

export interface IndexesEvents {
  /** `kind`: what the index is of. `milliseconds`: how long the build took. */
  built(kind: 'layer' | 'image', milliseconds: number): void;
  /** `failure.limit` is undefined for a failure that may pass. */
  failed(digest: Digest, failure: IndexFailure | TemporaryFailure): void;
}

export interface IndexesOptions {
  readonly driver: BlobDriver;
  readonly metadata: MetadataStore;
  readonly store: IndexStore;
  readonly worker: IndexWorker;
  /** Undefined if no other process serves the same stores. */
  readonly leases: Leases | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly events: IndexesEvents;
  readonly limits?: Limits;
  /** Records builds, so that admins can follow them. Default: not recorded. */
  readonly recorder?: JobRecorder;
  /** Builds that wait for others. Default: 100. */
  readonly maxWaiting?: number;
}

/** Milliseconds between two looks at a build of another process. */
const pauses: BackOff = { first: 100, longest: 2000 };
/** Time before a build that failed for a passing reason is tried again. */
const retryMilliseconds = 60_000;
const maxRemembered = 1000;

export function createIndexes(options: IndexesOptions): Indexes {
  const {
    driver,
    metadata,
    store,
    worker,
    leases,
    now,
    events,
    limits = defaultLimits,
    maxWaiting = 100,
    recorder = unrecorded,
  } = options;
  const inTurn = createSemaphore({ maxAtOnce: 1, maxWaiting });
  const builds = new Map<Digest, Promise<void>>();
  const passing = createLru<TemporaryFailure & { readonly until: number }>(maxRemembered);
  const closing = new AbortController();

  async function find<Kind extends Head>(digest: Digest, kind: Kind['kind']): Promise<IndexState<Kind>> {
    const index = await store.find(digest);
    if (!index || index.head.kind !== kind) return absentOf(digest);
    if (index.head.failure) return { state: 'failed', digest, failure: index.head.failure };
    return { state: 'ready', index: index as StoredIndex<Kind> };
  }

  function absentOf(digest: Digest): IndexState<never> {
    const failure = passing.get(digest);
    return failure && failure.until > now() ? { state: 'failed', digest, failure } : { state: 'absent' };
  }

  const layer = ({ digest }: StoredBlob) => find<LayerHead>(digest, 'layer');

  async function image({ digest, layers }: LayeredImage): Promise<IndexState<ImageHead>> {
    const found = await find<ImageHead>(digest, 'image');
    if (found.state !== 'absent') return found;
    for (const blob of layers) {
      const state = await layer(blob);
      if (state.state === 'failed') return state;
    }
    return found;
  }

  /** Runs `work` while no other process works on the same index; not at all if there is an index then. */
  async function once(digest: Digest, kind: Head['kind'], work: (assertHeld: () => void) => Promise<void>): Promise<void> {
    if ((await find(digest, kind)).state !== 'absent') return;
    const maxWaitSeconds = limits.milliseconds / 1000;
    const waited = leases && (await waitForLease(leaseOf(digest), { leases, metadata, now, maxWaitSeconds, pauses, lease: {} }));
    if (waited && !waited.lease) return;
    try {
      if ((await find(digest, kind)).state === 'absent') await work(() => waited?.lease?.assertHeld());
    } finally {
      await waited?.lease?.release();
    }
  }

  /** Has the worker build an index and stores it, if the blob is still there then. */
  async function buildIndex(
    digest: Digest,
    job: Job,
    open: (input: number) => AsyncIterable<Uint8Array>,
    assertHeld: () => void,
  ) {
    const begunAt = performance.now();
    const timeout = AbortSignal.timeout(limits.milliseconds);
    const signal = AbortSignal.any([timeout, closing.signal]);
    try {
      await store.write(digest, async (write) => {
        await worker.run(job, { open, write, signal });
        assertHeld();
      });
      events.built(job.kind, performance.now() - begunAt);
    } catch (error) {
      const failure = toFailure(error, timeout, limits);
      events.failed(digest, failure);
      if (failure.limit === undefined) passing.set(digest, { ...failure, until: now() + retryMilliseconds });
      else await recordFailure(digest, job.kind, failure);
    }
    // The collector deletes an index with its blob: it may have done so before the index was there.
    if (!(await metadata.blobs.isRecorded(digest))) await store.delete(digest);
  }

  async function recordFailure(digest: Digest, kind: Head['kind'], failure: IndexFailure): Promise<void> {
    await store.write(digest, (write) => createIndexWriter(write).finish({ kind, failure }));
  }

  async function buildLayer(blob: StoredBlob): Promise<void> {
    const job: Job = { kind: 'layer', sizeBytes: blob.sizeBytes, limits };
    await once(blob.digest, 'layer', (assertHeld) => buildIndex(blob.digest, job, () => readBlob(driver, blob), assertHeld));
  }

  async function buildImage(target: LayeredImage, { report }: JobProgress): Promise<void> {
    for (const [done, blob] of target.layers.entries()) {
      report(done);
      await buildLayer(blob);
    }
    report(target.layers.length);
    const states = await Promise.all(target.layers.map(layer));
    const indexes = states.flatMap((state) => (state.state === 'ready' ? [state.index] : []));
    if (indexes.length < target.layers.length) return;
    const job: Job = {
      kind: 'image',
      layers: indexes.map(({ head }) => ({
        entries: head.entries,
        frameBytes: head.frames.map(({ length }) => length),
        packagePaths: head.packageFiles.map(({ path }) => path),
      })),
      limits,
    };
    await once(target.digest, 'image', (assertHeld) =>
      buildIndex(target.digest, job, (input) => framesOf(indexes[input]), assertHeld),
    );
    report(target.layers.length + 1);
  }

  async function progress({ digest, layers }: LayeredImage): Promise<BuildProgress> {
    const states = await Promise.all(layers.map(layer));
    const next = layers[states.findIndex(({ state }) => state === 'absent')]?.digest ?? digest;
    const isBuilding = builds.has(digest) || (await metadata.leases.find(leaseOf(next), now())) !== undefined;
    return { isBuilding, indexedLayers: states.filter(({ state }) => state === 'ready').length };
  }

  return {
    layer,
    image,
    progress,
    build(target) {
      const joined = builds.get(target.digest);
      if (joined) return joined;
      const job: NewJob = {
        kind: 'index',
        owner: serverOwner,
        subject: target.digest,
        unit: 'layers',
        total: target.layers.length + 1,
      };
      const begun = inTurn(() => recorder.track(job, (progress) => buildImage(target, progress))).finally(() =>
        builds.delete(target.digest),
      );
      builds.set(target.digest, begun);
      return begun;
    },
    async close() {
      closing.abort(new Error('berth is shutting down'));
      await worker.close();
      await Promise.allSettled(builds.values());
    },
  };
}

/** Returns the name of the lease of the process that builds an index. */
function leaseOf(digest: Digest): string {
  return `index:${digest}`;
}

async function* framesOf(index: StoredIndex | undefined): AsyncGenerator<Uint8Array> {
  if (index) yield* index.frameBytes();
}

async function* readBlob(driver: BlobDriver, { digest, sizeBytes }: StoredBlob): AsyncGenerator<Uint8Array> {
  const object = await openContent(driver, digest, sizeBytes);
  try {
    yield* object.stream();
  } finally {
    await object.close();
  }
}

function toFailure(error: unknown, timeout: AbortSignal, { milliseconds }: Limits): IndexFailure | TemporaryFailure {
  if (timeout.aborted) return { limit: 'time', message: `reading the layer takes longer than ${milliseconds / 60_000} minutes` };
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof JobFailed && error.limit !== undefined) return { limit: error.limit, message };
  return { limit: undefined, message };
}
