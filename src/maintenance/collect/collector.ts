import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type BlobDriver, StorageError } from '../../../storage/blobs/driver.ts';
import { lateMilliseconds } from '../../../storage/metadata/queries/collection/claims.ts';
import type { Purge, StepResult } from '../../../storage/metadata/queries/collection/collect.ts';
import { MetadataError, type MetadataStore } from '../../../storage/metadata/store.ts';
import { pauseAfter } from '../../../storage/back-off.ts';
import { withTimeout } from '../../coordination/timeout.ts';
import type { Trash } from '../../content/trash.ts';
import type { Digest } from '../../oci/digest.ts';
import { type PurgeResult, purgeBytes } from './purge.ts';

/**
 * Deletes content that nothing needs any more, while clients push and pull. A review is a queued check whether a link or its
 * bytes are still needed (ADR 26).
 */
export interface Collector {
  /**
   * Decides all due reviews in small steps, and deletes bytes that no repository needs. Ends early when `signal` is
   * aborted, while the collector is paused or blocked, and in read-only mode. A failure to delete bytes is recorded with
   * their review. Rejects when the metadata store fails.
   */
  run(signal?: AbortSignal): Promise<Collected>;
}

/** Results of a run. */
export interface Collected {
  readonly reviewed: number;
  readonly unlinked: number;
  /** Untagged manifests that were deleted, with those that only they kept. */
  readonly trashed: number;
  readonly purgedBlobs: number;
  readonly purgedBytes: number;
  readonly failures: number;
}

export interface CollectorEvents {
  /** Untagged manifests were deleted. */
  trashed(manifests: number): void;
  purged(sizeBytes: number): void;
  /** The bytes are not known to be deleted. `isSetAside`: this was the tenth failure; the deletion is not tried again. */
  failed(digest: Digest, error: unknown, isSetAside: boolean): void;
}

export interface CollectorOptions {
  readonly driver: BlobDriver;
  readonly metadata: MetadataStore;
  readonly trash: Pick<Trash, 'deleteIf'>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Reviews a second at most. */
  readonly maxPerSecond: number;
  /** Time for which a deleted manifest can be restored, in milliseconds; 0: not at all. */
  readonly trashWindowMs: number;
  readonly events: CollectorEvents;
}

/** Reviews decided in one transaction, which takes a few milliseconds: other writes wait for it. */
export const stepReviews = 64;
/** Time for the deletion of the bytes of one step. */
const purgeMilliseconds = 60_000;
const retry = { first: 60_000, longest: 24 * 3_600_000 };

const nothing: Collected = { reviewed: 0, unlinked: 0, trashed: 0, purgedBlobs: 0, purgedBytes: 0, failures: 0 };

export function createCollector(options: CollectorOptions): Collector {
  const { metadata, now, maxPerSecond, trashWindowMs, events } = options;
  const purger = randomUUID();

  /**
   * Returns the right to delete the bytes of one step. The wall clock can be changed and the monotonic clock may stop during
   * sleep, so the deadline passes when either says so.
   */
  function beginPurgeRight() {
    const end = performance.now() + purgeMilliseconds;
    const until = now() + purgeMilliseconds;
    const assertHeld = () => {
      if (performance.now() >= end || now() >= until) throw new StorageError('unavailable', 'the time for the deletion is over');
    };
    return { purger, until, assertHeld };
  }

  async function step(): Promise<Collected> {
    const purgeRight = beginPurgeRight();
    const { reviewed, unlinked, purges, untagged } = await metadata.collection.step({
      now: now(),
      limit: stepReviews,
      purger,
      until: purgeRight.until,
    });
    const allTimedOut = { deleted: [], failed: purges.map((purge) => ({ purge, error: timedOut() })) };
    const result = await withTimeout(purgeBytes(options, purges, purgeRight), purgeMilliseconds / 1000);
    const { deleted, failed } = result ?? allTimedOut;
    await finish(deleted, purgeRight.until);
    await recordFailures(failed, purgeRight.until);
    const trashed = await expireUntagged(untagged);
    const purgedBytes = deleted.reduce((total, { sizeBytes }) => total + sizeBytes, 0);
    return { reviewed, unlinked, trashed, purgedBlobs: deleted.length, purgedBytes, failures: failed.length };
  }

  async function expireUntagged(untagged: StepResult['untagged']): Promise<number> {
    let trashed = 0;
    for (const { repository, digest } of untagged) {
      const manifests = await metadata.untagged.expire({ repository, digest, now: now(), windowMilliseconds: trashWindowMs });
      if (manifests > 0) events.trashed(manifests);
      trashed += manifests;
    }
    return trashed;
  }

  async function finish(deleted: readonly Purge[], until: number): Promise<void> {
    if (deleted.length === 0) return;
    await metadata.collection.finishPurges(purger, deleted, until, now());
    for (const { sizeBytes } of deleted) events.purged(sizeBytes);
  }

  async function recordFailures(failed: PurgeResult['failed'], until: number): Promise<void> {
    for (const { purge, error } of failed) {
      const retryAt = Math.max(until + lateMilliseconds, now() + pauseAfter(purge.failures + 1, retry));
      const message = error instanceof Error ? error.message : String(error);
      const isSetAside = await metadata.collection.recordFailure(purge.digest, purger, message, retryAt);
      events.failed(purge.digest, error, isSetAside);
    }
  }

  async function mayRun(signal: AbortSignal | undefined): Promise<boolean> {
    if (signal?.aborted === true) return false;
    const { pausedAt, blockedBy } = await metadata.collectionState.find();
    return pausedAt === null && blockedBy === null;
  }

  return {
    async run(signal) {
      let total = nothing;
      try {
        while (await mayRun(signal)) {
          const startedAt = performance.now();
          const done = await step();
          total = sum(total, done);
          // Unlinking makes new reviews due at once.
          if (done.reviewed < stepReviews && done.unlinked === 0) break;
          const pause = (done.reviewed / maxPerSecond) * 1000 - (performance.now() - startedAt);
          await delay(Math.max(0, pause), undefined, { signal }).catch(() => undefined);
        }
      } catch (error) {
        // The installation is being transferred: its content must not change.
        if (!(error instanceof MetadataError && error.code === 'read_only')) throw error;
      }
      return total;
    },
  };
}

function timedOut(): StorageError {
  return new StorageError('unavailable', 'the blob store did not answer in time');
}

function sum(one: Collected, other: Collected): Collected {
  return {
    reviewed: one.reviewed + other.reviewed,
    unlinked: one.unlinked + other.unlinked,
    trashed: one.trashed + other.trashed,
    purgedBlobs: one.purgedBlobs + other.purgedBlobs,
    purgedBytes: one.purgedBytes + other.purgedBytes,
    failures: one.failures + other.failures,
  };
}
