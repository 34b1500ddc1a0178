import { randomUUID } from 'node:crypto';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import { OciError } from '../oci/errors.ts';
import type { JobKind, JobUnit } from './job.ts';

/** Records work that people follow, so that any process can show it. */
export interface JobRecorder {
  /** Runs `work` as a job; settles as it does. A record that cannot be written does not stop the work. */
  track<Result>(job: NewJob, work: (progress: JobProgress) => Promise<Result>): Promise<Result>;
}

export interface NewJob {
  readonly kind: JobKind;
  /** Id of the account that sees the job; `serverOwner`: only admins see it. */
  readonly owner: string;
  /** What the work is about, such as the name of a file. */
  readonly subject: string;
  readonly unit: JobUnit;
  /** Undefined: unknown. */
  readonly total?: number | undefined;
}

export interface JobProgress {
  readonly id: string;
  /** Aborted when somebody cancels the job. */
  readonly signal: AbortSignal;
  /** `total`: if it was not known before. */
  report(done: number, total?: number): void;
  /** Tells which path of the page shows the result. */
  setResult(path: string): void;
}

/** Runs work without recording it: on the command line. */
export const unrecorded: JobRecorder = {
  track: (_job, work) =>
    work({ id: '', signal: new AbortController().signal, report: () => undefined, setResult: () => undefined }),
};

export interface JobRecorderOptions {
  readonly metadata: Pick<MetadataStore, 'jobs'>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Milliseconds between two records of progress. Default: 1,000. */
  readonly intervalMilliseconds?: number;
}

/** Longest time without a record, in milliseconds: signs of life, and looks for a cancellation. */
const heartbeatMilliseconds = 5_000;

export function createJobRecorder({ metadata, now, intervalMilliseconds = 1000 }: JobRecorderOptions): JobRecorder {
  const { jobs } = metadata;
  return {
    async track({ total: knownTotal, ...job }, work) {
      const id = randomUUID();
      const cancelling = new AbortController();
      const state = { done: 0, recorded: 0, total: knownTotal ?? null, result: '' };
      const startedAt = now();
      await jobs.begin({ ...job, id, total: state.total, startedAt }).catch(() => undefined);

      let recordedAt = startedAt;
      let writing = Promise.resolve();
      let isWriting = false;
      const record = async (): Promise<void> => {
        [state.recorded, recordedAt, isWriting] = [state.done, now(), true];
        const isCancelled = await jobs.report(id, state.done, state.total, recordedAt).catch(() => false);
        isWriting = false;
        if (isCancelled) cancelling.abort(new JobCancelled());
      };
      const timer = setInterval(() => {
        const isDue = state.done !== state.recorded || Math.abs(now() - recordedAt) >= heartbeatMilliseconds;
        if (isDue && !isWriting) writing = record();
      }, intervalMilliseconds).unref();

      const end = async (outcome: { readonly state: string; readonly message: string }): Promise<void> => {
        clearInterval(timer);
        await writing;
        const { done, total, result } = state;
        await jobs.end(id, { ...outcome, done, total, result, endedAt: now() }).catch(() => undefined);
      };
      try {
        const result = await work({
          id,
          signal: cancelling.signal,
          report(done, total) {
            state.done = done;
            state.total = total ?? state.total;
          },
          setResult: (path) => (state.result = path),
        });
        await end({ state: 'done', message: '' });
        return result;
      } catch (error) {
        await end({ state: cancelling.signal.aborted ? 'cancelled' : 'failed', message: reasonOf(error) });
        throw error;
      }
    },
  };
}

/** The job was cancelled by its owner or an admin. */
export class JobCancelled extends OciError {
  constructor() {
    super('UNSUPPORTED', { status: 409, message: 'the job was cancelled' });
  }
}

/** Messages of other errors are for the log. */
function reasonOf(error: unknown): string {
  return error instanceof OciError && error.status < 500 ? error.message : '';
}
