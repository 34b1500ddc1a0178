import { Gauge, Histogram, type Registry } from './prometheus/client.ts';
import { counterOf, durationBuckets } from './prometheus/registration.ts';

/** Records runs of scheduled jobs. */
export interface JobMetrics {
  /** `endedAt`: milliseconds since 1970. */
  ran(job: string, run: { readonly endedAt: number; readonly seconds: number; readonly hasFailed: boolean }): void;
}

export function createJobMetrics(registry: Registry): JobMetrics {
  const lastRun = new Gauge({
    name: 'berth_job_last_run_timestamp_seconds',
    help: 'when the last run of the job in this process ended, seconds since 1970',
    labelNames: ['job'],
    registers: [registry],
  });
  const durations = new Histogram({
    name: 'berth_job_duration_seconds',
    help: 'durations of runs of the job',
    labelNames: ['job'],
    buckets: durationBuckets,
    registers: [registry],
  });
  const failures = counterOf(registry)('job_failures_total', 'runs of the job that failed', ['job']);
  return {
    ran(job, { endedAt, seconds, hasFailed }) {
      lastRun.set({ job }, endedAt / 1000);
      durations.observe({ job }, seconds);
      failures.inc({ job }, hasFailed ? 1 : 0);
    },
  };
}
