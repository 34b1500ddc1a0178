import type { EntryStatus, SyncOverview } from '../../maintenance/sync/overview.ts';
import type { VerificationOverview, VerificationRun } from '../../maintenance/verify/overview.ts';
import type { JobState, JobStatus } from '../../progress/job.ts';
import type { JobSource } from '../../progress/jobs-overview.ts';

/** Returns the work of the server that records its state itself: copies between registries, and verifications. */
export function listJobSources(
  sync: Pick<SyncOverview, 'list'>,
  verification: Pick<VerificationOverview, 'findRun'>,
): readonly JobSource[] {
  return [
    async () => (await sync.list()).flatMap(toSyncJob),
    async () => {
      const run = await verification.findRun();
      return run ? [toVerificationJob(run)] : [];
    },
  ];
}

const syncStates: Readonly<Record<EntryStatus['state'], JobState | undefined>> = {
  'never run': undefined,
  requested: undefined,
  running: 'running',
  done: 'done',
  failed: 'failed',
};

function toSyncJob({ name, from, to, state, startedAt, endedAt, error, summary }: EntryStatus): readonly JobStatus[] {
  const jobState = syncStates[state];
  if (jobState === undefined || startedAt === null) return [];
  return [
    {
      id: `sync:${name}`,
      kind: 'sync',
      subject: `${from} → ${to}`,
      state: jobState,
      unit: 'tags',
      done: summary?.tags ?? 0,
      total: null,
      message: error ?? '',
      result: '',
      startedAt,
      canBeCancelled: false,
      endedAt: jobState === 'running' ? null : endedAt,
    },
  ];
}

function toVerificationJob({ repositories, requestedAt, checked, endedAt }: VerificationRun): JobStatus {
  return {
    id: 'verification',
    kind: 'verification',
    subject: repositories ?? '**',
    unit: 'contents',
    state: endedAt === undefined ? 'running' : 'done',
    done: checked,
    total: null,
    message: '',
    result: '',
    startedAt: requestedAt,
    endedAt: endedAt ?? null,
    canBeCancelled: false,
  };
}
