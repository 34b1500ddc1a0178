import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { JobRecord } from '../../storage/metadata/queries/operation/jobs.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import { OciError } from '../oci/errors.ts';
import type { JobKind, JobState, JobStatus, JobUnit, JobViewer } from './job.ts';

/** Shows jobs of all processes to their owners and to admins. */
export interface JobsOverview {
  /** Lists jobs that the viewer may see, newest first, at most 100. */
  list(viewer: JobViewer): Promise<readonly JobStatus[]>;
  /** Returns the job; undefined for one that the viewer may not see, and for one that does not exist. */
  find(id: string, viewer: JobViewer): Promise<JobStatus | undefined>;
  /** Asks the process that runs the job to stop it, which takes some seconds. False for a job that cannot be cancelled. */
  cancel(id: string, viewer: JobViewer): Promise<boolean>;
  /**
   * Yields the job whenever it has changed, and first unless `after` is its version. Returns at its end, when `signal` is aborted
   * and when the server shuts down. Throws TOOMANYREQUESTS if too many clients watch.
   */
  watch(id: string, viewer: JobViewer, options: WatchOptions): AsyncGenerator<VersionedJob | 'unchanged'>;
}

/** How a client follows a job. */
export interface WatchOptions {
  /** The version that the client has. */
  readonly after: string;
  readonly signal: AbortSignal;
}

/** A job, and the version by which a client continues. */
export interface VersionedJob {
  readonly version: string;
  readonly job: JobStatus;
}

/** Work of the server that records its state itself. Only admins see it. */
export type JobSource = () => Promise<readonly JobStatus[]>;

export interface JobsOverviewOptions {
  readonly metadata: Pick<MetadataStore, 'jobs'>;
  readonly sources: readonly JobSource[];
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Aborted when the process shuts down. */
  readonly closing: AbortSignal;
  /** Milliseconds between two reads of a watched job. Default: 1,000. */
  readonly pollMilliseconds?: number;
}

const maxListed = 100;
/** A running job without a heartbeat for this time counts as lost. */
const lostMilliseconds = 60_000;
/** Open streams of this process. Each reads one row per second. */
const maxWatchers = 200;
const maxWatchersOfOwner = 10;
/** Reads without a change after which `watch` yields `unchanged`: proxies cut silent connections. */
const silentLooks = 15;
/** Longest time of a stream in milliseconds: the next one checks the login of its client again. */
const longestStream = 10 * 60_000;

export function createJobsOverview(options: JobsOverviewOptions): JobsOverview {
  const { metadata, sources, now, closing, pollMilliseconds = 1000 } = options;
  const { jobs } = metadata;
  const watchers = createWatchers();

  const ofServer = async () => (await Promise.all(sources.map((source) => source()))).flat();

  async function find(id: string, { owner, seesAll }: JobViewer): Promise<JobStatus | undefined> {
    const record = await jobs.find(id);
    if (record) return seesAll || record.owner === owner ? toStatus(record, now()) : undefined;
    return seesAll ? (await ofServer()).find((job) => job.id === id) : undefined;
  }

  return {
    find,

    async list({ owner, seesAll }) {
      const recorded = (await jobs.list(seesAll ? undefined : owner, maxListed)).map((record) => toStatus(record, now()));
      if (!seesAll) return recorded;
      return [...recorded, ...(await ofServer())].sort((one, other) => other.startedAt - one.startedAt).slice(0, maxListed);
    },

    async cancel(id, viewer) {
      const job = await find(id, viewer);
      if (job?.canBeCancelled !== true) return false;
      await jobs.cancel(id, now());
      return true;
    },

    async *watch(id, viewer, { after, signal }) {
      const release = watchers.admit(viewer.owner);
      const ended = AbortSignal.any([signal, closing]);
      const endsAt = now() + longestStream;
      let [known, silent] = [after, 0];
      try {
        while (!ended.aborted && now() < endsAt) {
          const job = await find(id, viewer);
          if (!job) return;
          const version = versionOf(job);
          if (version !== known) yield { version, job };
          else if (++silent % silentLooks === 0) yield 'unchanged';
          known = version;
          if (job.state !== 'running') return;
          await pause(pollMilliseconds, undefined, { signal: ended }).catch(() => undefined);
        }
      } finally {
        release();
      }
    },
  };
}

function toStatus(record: JobRecord, now: number): JobStatus {
  const { id, subject, done, total, message, result, startedAt, updatedAt, endedAt, cancelledAt } = record;
  const isLost = endedAt === null && now - updatedAt > lostMilliseconds;
  const state = isLost ? 'lost' : (record.state as JobState);
  return {
    id,
    subject,
    state,
    done,
    total,
    message,
    result,
    startedAt,
    endedAt,
    kind: record.kind as JobKind,
    unit: record.unit as JobUnit,
    canBeCancelled: state === 'running' && record.kind === 'upload' && cancelledAt === null,
  };
}

/** Returns a version that changes whenever the job does, and is the same in every process. */
function versionOf(job: JobStatus): string {
  return createHash('sha256').update(JSON.stringify(job)).digest('base64url').slice(0, 16);
}

/** Limits the streams of a process, and those of one account. */
function createWatchers() {
  const counts = new Map<string, number>();
  let all = 0;
  return {
    /** Returns the function that ends the stream. Throws TOOMANYREQUESTS. */
    admit(owner: string): () => void {
      const own = counts.get(owner) ?? 0;
      if (all >= maxWatchers || (own >= maxWatchersOfOwner && owner !== ''))
        throw new OciError('TOOMANYREQUESTS', { message: 'too many streams of jobs are open', retryAfterSeconds: 10 });
      all += 1;
      counts.set(owner, own + 1);
      return () => {
        all -= 1;
        const left = (counts.get(owner) ?? 1) - 1;
        if (left === 0) counts.delete(owner);
        else counts.set(owner, left);
      };
    },
  };
}
