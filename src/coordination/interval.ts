import type { Log } from '../observability/log.ts';
import type { Leases } from './leases.ts';

/** Runs `work` every `seconds`, never twice at once. A failure is logged and the next turn tries again. */
export function interval(seconds: number, work: () => Promise<void>, log: Log): { stop(): void } {
  let timer = schedule();
  let stopped = false;

  function schedule(): NodeJS.Timeout {
    return setTimeout(() => void turn(), seconds * 1000).unref();
  }

  async function turn(): Promise<void> {
    try {
      await work();
    } catch (error) {
      log.error({ err: error }, 'scheduled work failed');
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
 * `work` for `every`: all processes may try, one of them does it in each turn of `seconds`. When that one dies, another
 * takes over a turn later.
 */
export function onOneReplica(leases: Leases, name: string, seconds: number, work: () => Promise<void>): () => Promise<void> {
  // A little less than a turn: the same process must find its own last turn over.
  return notBefore(leases, name, seconds * 0.9, work);
}

/** `work` for an `every` of short turns: whichever process comes first does it, and then nobody for `seconds`. */
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
