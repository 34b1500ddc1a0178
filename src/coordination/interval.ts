import type { Log } from '../observability/log.ts';
import type { Leases } from './leases.ts';

/**
 * Runs `work` `seconds` after its last run has ended, until `stop`. A failure is logged with `job`, and does not end the
 * repetition.
 */
export function interval(seconds: number, work: () => Promise<void>, log: Log, job?: string): { stop(): void } {
  let timer = schedule();
  let stopped = false;

  function schedule(): NodeJS.Timeout {
    return setTimeout(() => void turn(), seconds * 1000).unref();
  }

  async function turn(): Promise<void> {
    try {
      await work();
    } catch (error) {
      log.error({ job, err: error }, 'a scheduled job failed');
    }
    if (!stopped) timer = schedule();
  }

  return {
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

/**
 * Returns `work` for an `interval` of `seconds` in each process: one process runs it at each interval. When that process
 * dies, another one takes over an interval later.
 */
export function onOneReplica(leases: Leases, name: string, seconds: number, work: () => Promise<void>): () => Promise<void> {
  // Shorter than the interval: the lease of the process that ran last must be over at its next run.
  return notBefore(leases, name, seconds * 0.9, work);
}

/** Returns `work` for short intervals in each process: the first process runs it, and then no process for `seconds`. */
export function notBefore(leases: Leases, name: string, seconds: number, work: () => Promise<void>): () => Promise<void> {
  return async () => {
    const lease = await leases.take(`job:${name}`, { milliseconds: seconds * 1000 });
    if (!lease) return;
    try {
      await work();
    } finally {
      lease.leave();
    }
  };
}
