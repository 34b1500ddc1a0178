import type { CorruptContent } from '../../../storage/metadata/queries/verification/corrupt.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Pattern } from '../../oci/patterns/repository-pattern.ts';
import type { BlobDriver } from '../../../storage/blobs/driver.ts';
import { type AffectedImages, findAffectedImages } from './affected-images.ts';
import type { Depth } from './check-content.ts';
import { samplePoints } from './sample-points.ts';
import { start } from './selection.ts';

/** What is known about the stored bytes. Times are milliseconds since 1970. */
export interface VerificationOverview {
  status(): Promise<VerificationStatus>;
  /** Returns the verification that was asked for last. */
  findRun(): Promise<VerificationRun | undefined>;
  /** Part of the content, from 0 to 1, that was checked within the configured time. Exact up to 1,000 contents, and at 1. */
  coverage(): Promise<number>;
  /** Number of contents in quarantine, counted up to 10,000. */
  countCorrupt(): Promise<number>;
  /** Lists content in quarantine, ascending by digest, after `after` (exclusive). `next`: undefined on the last page. */
  listCorrupt(
    after: string,
    limit: number,
  ): Promise<{ readonly items: readonly CorruptItem[]; readonly next: string | undefined }>;
  /** Asks for a verification, which the scrub makes at its pace. It replaces one that has not ended. */
  request(options: RequestOptions): Promise<void>;
}

export interface VerificationStatus {
  readonly coverage: number;
  readonly corrupt: number;
  /** When the longest unchecked content was checked; 0: never; undefined: there is no content. */
  readonly oldestCheck: number | undefined;
  /** The verification that was asked for last. */
  readonly run: VerificationRun | undefined;
}

export interface VerificationRun {
  readonly depth: Depth;
  readonly percent: number;
  readonly repositories: string | undefined;
  readonly requestedAt: number;
  readonly requestedBy: string;
  readonly checked: number;
  readonly corrupt: number;
  readonly unreadable: number;
  /** Undefined while it runs. */
  readonly endedAt: number | undefined;
}

export interface CorruptItem
  extends Pick<CorruptContent, 'digest' | 'sizeBytes' | 'problem' | 'foundAt' | 'repairError'>, AffectedImages {}

export interface RequestOptions {
  readonly depth: Depth;
  /** From 1 to 100. */
  readonly percent: number;
  readonly repositories: Pattern | undefined;
  readonly requestedBy: string;
}

export interface OverviewOptions {
  readonly driver: BlobDriver;
  readonly metadata: Pick<MetadataStore, 'affectedImages' | 'contentChecks' | 'corruptContent' | 'verifications'>;
  /** Time within which every blob shall be read; 0: blobs are read only on request. */
  readonly everyMilliseconds: number;
  readonly now: () => number;
}

/** Where no content is read regularly, coverage is about this time. */
const defaultEveryMilliseconds = 90 * 24 * 3_600_000;
const countedContents = 1000;
const samples = 128;
const maxCounted = 10_000;

export function createVerificationOverview({ driver, metadata, everyMilliseconds, now }: OverviewOptions): VerificationOverview {
  async function coverage(): Promise<number> {
    const since = now() - (everyMilliseconds || defaultEveryMilliseconds);
    if (((await metadata.contentChecks.findOldest()) ?? since) >= since) return 1;
    const { contents, checked } = await metadata.contentChecks.countFirst(since, countedContents);
    // Content may be deleted between the queries: where there is none, nothing is unchecked.
    if (contents < countedContents) return contents === 0 ? 1 : checked / contents;
    const times = await metadata.contentChecks.sampleTimes(samplePoints(samples));
    return times.length === 0 ? 1 : times.filter((checkedAt) => checkedAt >= since).length / times.length;
  }

  const countCorrupt = () => metadata.corruptContent.count(maxCounted);

  async function findRun(): Promise<VerificationRun | undefined> {
    const run = await metadata.verifications.find();
    if (!run) return undefined;
    const { depth, percent, pattern, requestedAt, requestedBy, checked, corrupt, unreadable, endedAt } = run;
    return {
      depth,
      percent,
      requestedAt,
      requestedBy,
      checked,
      corrupt,
      unreadable,
      repositories: pattern ?? undefined,
      endedAt: endedAt ?? undefined,
    };
  }

  return {
    coverage,
    countCorrupt,
    findRun,
    async status() {
      return {
        coverage: await coverage(),
        corrupt: await countCorrupt(),
        oldestCheck: await metadata.contentChecks.findOldest(),
        run: await findRun(),
      };
    },
    async listCorrupt(after, limit) {
      const rows = await metadata.corruptContent.list(after as Digest | '', limit);
      const items: CorruptItem[] = [];
      for (const { digest, sizeBytes, problem, foundAt, repairError } of rows) {
        items.push({
          digest,
          sizeBytes,
          problem,
          foundAt,
          repairError,
          ...(await findAffectedImages({ driver, metadata }, digest)),
        });
      }
      return { items, next: rows.length === limit ? rows.at(-1)?.digest : undefined };
    },
    request: ({ depth, percent, repositories, requestedBy }) =>
      metadata.verifications.start(
        { depth, percent, pattern: repositories?.text ?? null, requestedAt: now(), requestedBy },
        JSON.stringify(start),
      ),
  };
}
