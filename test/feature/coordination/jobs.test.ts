import { createJobRecords } from '../../../src/job-records.ts';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { type Job, startJobs } from '../../../src/jobs.ts';
import type { Leases } from '../../../src/coordination/leases.ts';
import type { Log } from '../../../src/observability/log.ts';
import { createMetrics } from '../../../src/observability/metrics.ts';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

/** A job that counts its runs. */
function countingJob(scope: Job['scope'], run: () => Promise<void> = () => Promise.resolve()) {
  const counting = {
    name: `test-${scope}`,
    every: 10,
    scope,
    runs: 0,
    run() {
      counting.runs++;
      return run();
    },
  };
  return counting;
}

/** Leases that another process holds. */
const heldElsewhere = { take: () => Promise.resolve(undefined) } as unknown as Leases;

function start(jobs: readonly Job[], leases: Leases | undefined) {
  const metrics = createMetrics();
  const failures: unknown[] = [];
  const log = {
    error: ({ job, err }: { job: string; err: Error }) => failures.push({ job, message: err.message }),
  } as unknown as Log;
  const records = { ran: () => undefined };
  return { schedule: startJobs(jobs, { leases, log, metrics: metrics.jobs, records, now: () => 5_000_000 }), failures, metrics };
}

test('runs each job again after its time, until the schedule stops', async () => {
  const job = countingJob('process');
  const { schedule, metrics } = start([job], undefined);
  await jest.advanceTimersByTimeAsync(9_999);
  expect(job.runs).toBe(0);
  await jest.advanceTimersByTimeAsync(10_001);
  expect(job.runs).toBe(2);
  schedule.stop();
  await jest.advanceTimersByTimeAsync(60_000);
  expect(job.runs).toBe(2);
  const text = await metrics.text();
  expect(text).toContain('berth_job_last_run_timestamp_seconds{job="test-process"} 5000');
  expect(text).toContain('berth_job_duration_seconds_count{job="test-process"} 2');
  expect(text).toContain('berth_job_failures_total{job="test-process"} 0');
});

test('counts and logs a failed run under the name of its job, and runs the job again', async () => {
  const job = countingJob('process', () => Promise.reject(new Error('no luck')));
  const { schedule, failures, metrics } = start([job], undefined);
  await jest.advanceTimersByTimeAsync(20_000);
  schedule.stop();
  expect(failures).toEqual(Array.from({ length: 2 }, () => ({ job: 'test-process', message: 'no luck' })));
  expect(await metrics.text()).toContain('berth_job_failures_total{job="test-process"} 2');
});

test('leaves a job of the cluster to the process that has its lease, and runs both scopes in a single process', async () => {
  const [inProcess, inCluster] = [countingJob('process'), countingJob('cluster')];
  const shared = start([inProcess, inCluster], heldElsewhere);
  await jest.advanceTimersByTimeAsync(10_000);
  shared.schedule.stop();
  expect([inProcess.runs, inCluster.runs]).toEqual([1, 0]);
  expect(await shared.metrics.text()).not.toContain('job="test-cluster"');
  const single = start([inProcess, inCluster], undefined);
  await jest.advanceTimersByTimeAsync(10_000);
  single.schedule.stop();
  expect([inProcess.runs, inCluster.runs]).toEqual([2, 1]);
});

test('runs are recorded once a minute, and a change of the result at once', async () => {
  const recorded: unknown[] = [];
  const records = createJobRecords({ record: (run) => Promise.resolve(void recorded.push([run.name, run.endedAt, run.error])) });
  for (const [endedAt, error] of [
    [0, undefined],
    [59_999, undefined],
    [60_000, undefined],
    [61_000, new Error('disk full')],
    [62_000, new Error('disk full')],
    [63_000, undefined],
  ] as const)
    records.ran('backup', { endedAt, seconds: 1, error });
  expect(recorded).toEqual([
    ['backup', 0, undefined],
    ['backup', 60_000, undefined],
    ['backup', 61_000, 'disk full'],
    ['backup', 63_000, undefined],
  ]);
  await Promise.resolve();
});

test('a store that cannot be written fails no job, and gets the next run', async () => {
  let attempts = 0;
  const records = createJobRecords({ record: () => Promise.reject(new Error(`attempt ${++attempts}`)) });
  records.ran('backup', { endedAt: 0, seconds: 1, error: undefined });
  await jest.advanceTimersByTimeAsync(0);
  records.ran('backup', { endedAt: 1, seconds: 1, error: undefined });
  expect(attempts).toBe(2);
});
