import { setTimeout as delay } from 'node:timers/promises';
import { type BackOff, pauseAfter, retry } from '../../../storage/back-off.ts';
import type { SyncEntryRecord, SyncFailureRecord } from '../../../storage/metadata/queries/sync/entries.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { Lease, Leases } from '../../coordination/leases.ts';
import { UpstreamError, reasonOf } from '../../upstream/upstream-error.ts';
import { isRunDue } from '../retention/schedule.ts';
import { createImageCopy } from './copy-image.ts';
import type { Source, SyncEntry, Target } from './entry.ts';
import { RunEnded, isPassing } from './failures.ts';
import { type SyncSummary, createProgress } from './progress.ts';
import { runEntry } from './run-entry.ts';
import type { RunMode, SyncAction } from './sync-repository.ts';

/** Both sides of an entry, for one run. */
export interface Sides {
  readonly source: Source;
  readonly target: Target;
}

/** An entry that can be run. */
export interface RunnableEntry {
  readonly entry: SyncEntry;
  /** `signal` ends running requests. */
  open(signal: AbortSignal): Sides;
}

export interface RunResult {
  readonly name: string;
  readonly summary: SyncSummary;
  /** Why the run ended early, or how much failed; undefined: nothing. */
  readonly error: string | undefined;
}

export interface SyncEvents {
  ended(result: RunResult): void;
}

export interface RunnerOptions {
  readonly entries: readonly RunnableEntry[];
  readonly metadata: MetadataStore;
  readonly leases: Leases;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly events: SyncEvents;
  /** Milliseconds between tries of a blob. Default: 1 s to 30 s. */
  readonly retryPauses?: BackOff | undefined;
}

export interface RunRequest extends RunMode {
  readonly onAction: (action: SyncAction) => void;
  readonly onProgress: (summary: SyncSummary) => void;
}

/** Runs entries of `sync`: each one in one process at a time. */
export interface Runner {
  /** Begins runs that are due, and does not wait for their ends. */
  beginDue(): Promise<void>;
  /** Runs the entry now. Undefined if another process runs it. Rejects with `RunEnded` when it is interrupted. */
  run(entry: RunnableEntry, request: RunRequest): Promise<RunResult | undefined>;
  /** Interrupts all runs; they are continued at the next start. Resolves when they have ended. */
  close(): Promise<void>;
}

export const scheduledRun: RunMode = { isDryRun: false, isFull: false, tagsOnly: false, allowsDeletions: false };

const defaultPauses = { first: 1000, longest: 30_000 };
const triesOfBlob = 5;
/** Between runs that fail. */
const failedRunPauses = { first: 60_000, longest: 3_600_000 };
const maxRuns = 4;
const maxFailures = 1000;
/** Uploads that were begun before are no longer at any registry. */
const uploadKeepMilliseconds = 30 * 86_400_000;

export function createRunner(options: RunnerOptions): Runner {
  const { entries, metadata, leases, now, events, retryPauses = defaultPauses } = options;
  const running = new Map<string, Promise<unknown>>();
  const closing = new AbortController();
  let isKnown = false;

  async function findDue(): Promise<readonly RunnableEntry[]> {
    if (!isKnown)
      await metadata.syncEntries.add(
        entries.map(({ entry }) => entry.name),
        now(),
      );
    isKnown = true;
    const records = new Map((await metadata.syncEntries.list()).map((record) => [record.name, record]));
    return entries.filter(({ entry }) => {
      const record = records.get(entry.name);
      return record !== undefined && !running.has(entry.name) && isDue(entry, record, now());
    });
  }

  async function run(runnable: RunnableEntry, request: RunRequest): Promise<RunResult | undefined> {
    const { name } = runnable.entry;
    const lease = await leases.take(`sync:${name}`);
    if (!lease) return undefined;
    try {
      return await execute(runnable, request, lease);
    } finally {
      await lease.release();
    }
  }

  async function execute({ entry, open }: RunnableEntry, request: RunRequest, lease: Lease): Promise<RunResult> {
    const { name } = entry;
    const progress = createProgress(request.onProgress);
    const failures: SyncFailureRecord[] = [];
    let failed = 0;
    const onAction = (action: SyncAction): void => {
      request.onAction(action);
      if (action.action !== 'fail' || ++failed > maxFailures) return;
      failures.push({ repository: action.repository, reference: action.reference, reason: action.reason });
    };
    const assertRunning = (): void => {
      if (closing.signal.aborted) throw new RunEnded('berth shuts down');
      lease.assertHeld();
    };
    await metadata.syncEntries.add([name], now());
    if (!request.isDryRun) await metadata.syncEntries.begin(name, now());
    const sides = open(closing.signal);
    const images = createImageCopy({ ...entry, ...sides, progress, assertRunning, retry: retryBlob });
    let stopped: unknown;
    try {
      await runEntry({ entry, ...sides, metadata, images, mode: request, progress, onAction, assertRunning, now });
    } catch (error) {
      assertRunning();
      stopped = error;
    }
    const error = stopped === undefined ? (failed > 0 ? `${failed} failed` : undefined) : reasonOf(stopped);
    const result = { name, summary: progress.summary(), error };
    if (!request.isDryRun) await record(result, failures, stopped);
    return result;
  }

  function retryBlob(copy: () => Promise<void>): Promise<void> {
    return retry(copy, {
      isRetryable: isPassing,
      pauses: retryPauses,
      maxTries: triesOfBlob,
      // At shutdown the next try begins at once, and finds out that the run has ended.
      sleep: (milliseconds) => delay(milliseconds, undefined, { signal: closing.signal }).catch(() => undefined),
    });
  }

  async function record({ name, summary, error }: RunResult, failures: readonly SyncFailureRecord[], stopped: unknown) {
    const before = await metadata.syncEntries.find(name);
    const endedAt = now();
    await metadata.syncEntries.end({
      name,
      endedAt,
      retryAt: error === undefined ? null : endedAt + pauseOf(stopped, (before?.failures ?? 0) + 1),
      error: error ?? null,
      summary: JSON.stringify(summary),
      failures,
    });
    await metadata.syncUploads.forget(endedAt - uploadKeepMilliseconds);
  }

  async function runDue(runnable: RunnableEntry): Promise<void> {
    const quiet = { onAction: () => undefined, onProgress: () => undefined };
    try {
      const result = await run(runnable, { ...scheduledRun, ...quiet });
      if (result) events.ended(result);
    } catch (error) {
      if (!(error instanceof RunEnded) && !closing.signal.aborted)
        events.ended({ name: runnable.entry.name, summary: createProgress().summary(), error: reasonOf(error) });
    }
  }

  return {
    run,
    async beginDue() {
      if (entries.length === 0 || closing.signal.aborted) return;
      for (const runnable of await findDue()) {
        const { name } = runnable.entry;
        if (running.size >= maxRuns) return;
        running.set(
          name,
          runDue(runnable).finally(() => running.delete(name)),
        );
      }
    },
    async close() {
      closing.abort(new UpstreamError('unavailable', 'berth shuts down'));
      await Promise.all(running.values());
    },
  };
}

/** The pause that an upstream asks for; otherwise one that grows with the failed runs in a row. Milliseconds. */
function pauseOf(stopped: unknown, failures: number): number {
  const asked = stopped instanceof UpstreamError ? stopped.retryAfterSeconds : undefined;
  return Math.max((asked ?? 0) * 1000, pauseAfter(failures, failedRunPauses));
}

/** True if a person wants a run, if the last one was interrupted, or at its time: that of its schedule, or of the next try. */
export function isDue({ schedule }: SyncEntry, record: SyncEntryRecord, now: number): boolean {
  const { requestedAt, startedAt, endedAt, retryAt, firstSeenAt } = record;
  if (requestedAt !== null) return true;
  if (startedAt === null) return schedule.kind === 'interval' || isRunDue(schedule, firstSeenAt, now);
  if (endedAt === null || endedAt < startedAt) return true;
  return retryAt === null ? isRunDue(schedule, startedAt, now) : now >= retryAt;
}
