import { type BackOff, pauseAfter } from '../../../storage/back-off.ts';
import type { ContentToCheck } from '../../../storage/metadata/queries/verification/checks.ts';
import type { VerificationProgress, VerificationRequest } from '../../../storage/metadata/queries/verification/requests.ts';
import { MetadataError, type MetadataStore } from '../../../storage/metadata/store.ts';
import type { Digest } from '../../oci/digest.ts';
import { parsePattern } from '../../oci/patterns/repository-pattern.ts';
import type { Depth, Pace } from './check-content.ts';
import type { Repair } from './repair.ts';
import { type Position, createSelection, inBatches } from './selection.ts';
import type { CheckResult, CorruptFinding, UnreadableFinding, Verifier } from './verifier.ts';

/** Reads all stored content again and again, slowly. One process of the cluster does it. */
export interface Scrub {
  /**
   * Continues: looks again at content in quarantine, goes on with a verification that was asked for, then reads what was not
   * checked for the longest time. Resolves when nothing is due, after a minute, or when the signal is aborted. Rejects when the
   * blob store fails several times in succession, or is the wrong one; later calls do nothing for a while then.
   */
  run(signal: AbortSignal): Promise<void>;
  /** Verifies the contents now, because their bytes were found missing or wrong. Rejects as `run` does. */
  checkNow(digests: readonly Digest[], signal: AbortSignal): Promise<void>;
}

export interface ScrubEvents {
  corrupt(finding: CorruptFinding): void;
  unreadable(finding: UnreadableFinding): void;
  repaired(digest: string): void;
  verified(bytes: number): void;
}

export interface ScrubOptions {
  readonly metadata: Pick<MetadataStore, 'contentChecks' | 'corruptContent' | 'repositories' | 'verifications'>;
  readonly verifier: Verifier;
  readonly repair: Repair;
  /** Counts bytes that were read; resolves when more may be read. */
  readonly spend: (bytes: number, signal: AbortSignal) => Promise<void>;
  /** Time within which every blob is read; 0: only what is asked for is read. */
  readonly everyMilliseconds: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** From 0 to 1. */
  readonly random: () => number;
  readonly events: ScrubEvents;
}

/** Content is read a little early, so that the last of it is read in time. */
const duePart = 0.9;
const pageContents = 64;
const runMilliseconds = 60_000;
/** How often content in quarantine is looked at. */
const lookMilliseconds = 3_600_000;
const lookContents = 16;
/** Content that cannot be read is tried again after this time. */
const retryMilliseconds = 3_600_000;
const maxUnreadableInARow = 3;
const backOff: BackOff = { first: 60_000, longest: 3_600_000 };

/** The blob store has failed several times in succession. */
class StoreFailing extends Error {
  override readonly name = 'StoreFailing';
}

export function createScrub(options: ScrubOptions): Scrub {
  const { metadata, verifier, repair, spend, everyMilliseconds, now, random, events } = options;
  /** What was tried last in this pass: content that could not be read stays behind it until the next pass. */
  let position: ContentToCheck | undefined;
  let nextPassAt = 0;
  /** What could not be read since something was read last. */
  let unreadable: UnreadableFinding[] = [];
  let failures = 0;
  let notBefore = 0;

  async function check(contents: readonly ContentToCheck[], depth: Depth, pace: Pace): Promise<CheckResult> {
    const result = await verifier.check(contents, depth, pace);
    if (depth === 'deep') events.verified(result.bytes);
    for (const digest of result.repaired) events.repaired(digest);
    for (const finding of result.unreadable) events.unreadable(finding);
    for (const finding of result.corrupt) {
      if (finding.isNew) events.corrupt(finding);
      if (finding.isNew && (await repair.tryRepair(finding.digest))) events.repaired(finding.digest);
    }
    if (result.unreadable.length < result.checked) unreadable = [];
    else unreadable.push(...result.unreadable);
    return result;
  }

  const isFailing = () => unreadable.length >= maxUnreadableInARow;

  /** Called after a step has stored its position, so that content which can never be read does not hold the rest up. */
  function throwIfFailing(): void {
    if (!isFailing()) return;
    const [first] = unreadable;
    unreadable = [];
    throw new StoreFailing('the blob store cannot be read: verification pauses', { cause: first?.error });
  }

  /** Looks again at content in quarantine: it may have been restored from a backup, or its upstream may have it again. */
  async function lookAtQuarantine(pace: Pace): Promise<number> {
    const due = await metadata.corruptContent.listDue(now() - lookMilliseconds, lookContents);
    for (const content of due) {
      await metadata.corruptContent.touch(content.digest, now());
      const { corrupt } = await check([content], 'deep', pace);
      if (corrupt.length > 0 && (await repair.tryRepair(content.digest))) events.repaired(content.digest);
    }
    return due.length;
  }

  /** Continues the verification that was asked for. Returns the number of steps that it made; 0: there is none. */
  async function continueRequest(pace: Pace): Promise<number> {
    const request = await metadata.verifications.find();
    if (request?.position == null) return 0;
    const repositories = request.pattern === null ? undefined : parsePattern(request.pattern);
    const selection = createSelection({ metadata, repositories });
    const { contents, next } = await selection.page(JSON.parse(request.position) as Position);
    const chosen = contents.filter(({ checkedAt }) => isChosen(request, checkedAt, random));
    let progress: VerificationProgress = request;
    for (const batch of inBatches(chosen)) progress = add(progress, await check(batch, request.depth, pace));
    await metadata.verifications.advance(request.requestedAt, {
      ...progress,
      position: next ? JSON.stringify(next) : null,
      endedAt: next ? null : now(),
    });
    return 1;
  }

  /** Reads a page of what is due. Returns the number of contents. */
  async function scrubPage(pace: Pace): Promise<number> {
    if (everyMilliseconds === 0 || now() < nextPassAt) return 0;
    const page = await metadata.contentChecks.listDue(now() - everyMilliseconds * duePart, position, pageContents);
    for (const batch of inBatches(page)) {
      await check(batch, 'deep', pace);
      position = batch.at(-1);
      if (isFailing()) break;
    }
    if (page.length === 0 && position) {
      position = undefined;
      nextPassAt = now() + retryMilliseconds;
    }
    return page.length;
  }

  async function work(signal: AbortSignal): Promise<void> {
    const pace: Pace = { signal, spend: (bytes) => spend(bytes, signal) };
    const end = performance.now() + runMilliseconds;
    while (!signal.aborted && performance.now() < end) {
      const steps = (await lookAtQuarantine(pace)) + (await continueRequest(pace)) || (await scrubPage(pace));
      throwIfFailing();
      if (steps === 0) return;
    }
  }

  /** Runs `step` unless the store has failed a moment ago. */
  async function unlessFailing(signal: AbortSignal, step: () => Promise<unknown>): Promise<void> {
    if (now() < notBefore) return;
    try {
      await step();
      failures = 0;
    } catch (error) {
      // The installation is being transferred: nothing is recorded.
      if (signal.aborted || (error instanceof MetadataError && error.code === 'read_only')) return;
      failures++;
      notBefore = now() + pauseAfter(failures, backOff);
      throw error;
    }
  }

  return {
    run: (signal) => unlessFailing(signal, () => work(signal)),
    async checkNow(digests, signal) {
      if (digests.length === 0) return;
      const contents = await metadata.contentChecks.findAll(digests);
      const pace: Pace = { signal, spend: (bytes) => spend(bytes, signal) };
      await unlessFailing(signal, async () => {
        for (const batch of inBatches(contents)) await check(batch, 'deep', pace);
        throwIfFailing();
      });
    },
  };
}

/** False for content that this verification has checked already, as a part of another repository. */
function isChosen(
  { depth, percent, pattern, requestedAt }: VerificationRequest,
  checkedAt: number,
  random: () => number,
): boolean {
  if (depth === 'deep' && pattern !== null && checkedAt >= requestedAt) return false;
  return percent >= 100 || random() * 100 < percent;
}

function add(progress: VerificationProgress, { checked, corrupt, unreadable }: CheckResult): VerificationProgress {
  return {
    ...progress,
    checked: progress.checked + checked,
    corrupt: progress.corrupt + corrupt.length,
    unreadable: progress.unreadable + unreadable.length,
  };
}
