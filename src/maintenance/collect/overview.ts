import type { BlobDriver } from '../../../storage/blobs/driver.ts';
import type { BlockReason } from '../../../storage/metadata/queries/collection/state.ts';
import type { FailedReview } from '../../../storage/metadata/queries/collection/reviews.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { OciError } from '../../oci/errors.ts';
import { type Author, dated } from '../../registry/author.ts';
import type { Auditor } from './audit.ts';
import type { Collected, Collector } from './collector.ts';
import { type ReclaimablePage, createEstimator } from './estimate.ts';

/** Shows garbage collection to admins, and takes their orders, on the command line and over the API. */
export interface CollectionOverview {
  /** Reads a few rows. Asks the blob store whether it keeps deleted bytes. */
  work(): Promise<CollectionWork>;
  /** The same, and counts the entries of the trash, which reads a row for each. */
  status(): Promise<CollectionStatus>;
  /** Pauses garbage collection in all processes within five seconds, until `resume`, also after restarts. */
  pause(author?: Author): Promise<void>;
  resume(author?: Author): Promise<void>;
  /**
   * Decides due reviews now, for at most `seconds`. `retries`: also those that were set aside. Throws DENIED (409) while garbage
   * collection is paused or blocked.
   */
  run(options: { readonly retries: boolean; readonly seconds: number }): Promise<RunResult>;
  /** Audits the records in parts, see `Auditor`. Throws DENIED (409) while garbage collection is blocked. */
  audit(after: string, seconds: number): ReturnType<Auditor['runPart']>;
  /**
   * Computes what the repositories after the name `after` could free, at most `limit` of them. `untaggedMs`: for untagged
   * manifests; undefined: the configured time, or 30 days where they are kept.
   */
  listReclaimable(after: string, limit: number, untaggedMs?: number): Promise<ReclaimablePage & { readonly untaggedMs: number }>;
}

/** Counts stop at 10,000. Times are milliseconds since 1970. */
export interface CollectionWork {
  readonly pausedAt: number | null;
  readonly blockedBy: BlockReason | null;
  readonly graceMs: number;
  readonly untaggedMs: number | null;
  /** Reviews that are due, and those that have been due for more than ten minutes. */
  readonly due: number;
  readonly overdue: number;
  /** At most 100 reviews that have failed. */
  readonly failed: readonly FailedReview[];
  readonly purgedAt: number | null;
  readonly purgedBlobs: number;
  readonly purgedBytes: number;
  readonly auditedAt: number | null;
  /** True if the store keeps old versions of deleted bytes, so that deletion may free nothing yet; null if it does not say. */
  readonly keepsVersions: boolean | null;
}

export interface CollectionStatus extends CollectionWork {
  readonly trashEntries: number;
}

export interface RunResult extends Collected {
  /** Reviews that are still due; stops at 10,000. */
  readonly due: number;
}

export interface CollectionOverviewOptions {
  readonly driver: Pick<BlobDriver, 'keepsVersions'>;
  readonly metadata: MetadataStore;
  readonly collector: Collector;
  readonly auditor: Auditor;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export const overdueMilliseconds = 10 * 60_000;
export const maxCounted = 10_000;
const shownFailures = 100;
/** Time for untagged manifests where the configuration keeps them: for estimates. */
export const defaultUntaggedMs = 30 * 24 * 3_600_000;

export function createCollectionOverview(options: CollectionOverviewOptions): CollectionOverview {
  const { driver, metadata, collector, auditor, now } = options;
  const { collectionState, reviews, trash } = metadata;
  const estimator = createEstimator(metadata, now);
  const countDue = (before: number) => reviews.countDue(before, maxCounted);

  async function requireUnblocked(): Promise<{ readonly pausedAt: number | null }> {
    const { pausedAt, blockedBy } = await collectionState.find();
    if (blockedBy !== null) throw refusal(`garbage collection is blocked until the end of the ${blockedBy}`);
    return { pausedAt };
  }

  async function work(): Promise<CollectionWork> {
    const { delayMs, ...state } = await collectionState.find();
    const keepsVersions = (await driver.keepsVersions?.()) ?? (driver.keepsVersions ? null : false);
    return {
      ...state,
      graceMs: delayMs / 2,
      due: await countDue(now() + 1),
      overdue: await countDue(now() - overdueMilliseconds),
      failed: await reviews.listFailed(shownFailures),
      keepsVersions,
    };
  }

  return {
    work,
    status: async () => ({ ...(await work()), trashEntries: await trash.count(now(), maxCounted) }),

    pause: (author) => collectionState.pause(dated(author, now())),
    resume: (author) => collectionState.resume(dated(author, now())),

    async run({ retries, seconds }) {
      const { pausedAt } = await requireUnblocked();
      if (pausedAt !== null) throw refusal('garbage collection is paused: resume it first');
      if (retries) await reviews.retryFailed(now());
      const collected = await collector.run(AbortSignal.timeout(seconds * 1000));
      return { ...collected, due: await countDue(now() + 1) };
    },

    async audit(after, seconds) {
      await requireUnblocked();
      return auditor.runPart(after, seconds);
    },

    async listReclaimable(after, limit, untaggedMs) {
      const time = untaggedMs ?? (await collectionState.find()).untaggedMs ?? defaultUntaggedMs;
      return { ...(await estimator.list(after, limit, time)), untaggedMs: time };
    },
  };
}

function refusal(message: string): OciError {
  return new OciError('DENIED', { status: 409, message });
}
