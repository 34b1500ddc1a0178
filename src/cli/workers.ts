import cluster, { type Worker } from 'node:cluster';
import { setTimeout as pause } from 'node:timers/promises';
import type { Log } from '../observability/log.ts';
import { relayMetrics } from '../observability/worker-metrics.ts';

/** Processes that serve on one port. This process opens it for them and serves nothing itself. */
export interface Workers {
  /** Where they listen. */
  readonly url: string;
  /** Asks every worker to end as `berth serve` does at SIGTERM, and resolves when the last one is gone. */
  stop(): Promise<void>;
}

/** Between tries to replace a worker. */
const retryMilliseconds = 1_000;

/**
 * Starts `count` workers and replaces those that end. The first one starts alone: it prepares the stores, and what is
 * wrong with the configuration is said once. Rejects when a worker ends before it listens.
 */
export async function startWorkers(count: number, log: Log): Promise<Workers> {
  // The kernel hands the connections out. In Node.js's own round robin a connection that is on its way to a worker that
  // dies is never closed: its client would wait for ever.
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  let stopping = false;
  relayMetrics();

  /** Resolves to where the worker listens. */
  async function startOne(): Promise<string> {
    const startedAt = performance.now();
    const worker = cluster.fork();
    const url = await listening(worker);
    log.info({ pid: worker.process.pid, milliseconds: Math.round(performance.now() - startedAt) }, 'a worker serves');
    worker.once('exit', (code: number | null, signal: string | null) => {
      if (stopping) return;
      log.error({ pid: worker.process.pid, code, signal }, 'a worker ended: another takes its place');
      void replace();
    });
    return url;
  }

  async function replace(): Promise<void> {
    if (stopping) return;
    try {
      await startOne();
    } catch (error) {
      log.error({ err: error }, 'a worker did not start');
      await pause(retryMilliseconds);
      await replace();
    }
  }

  async function stop(): Promise<void> {
    stopping = true;
    await Promise.all(runningWorkers().map(ended));
  }

  try {
    const url = await startOne();
    await Promise.all(Array.from({ length: count - 1 }, startOne));
    return { url, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function runningWorkers(): readonly Worker[] {
  return Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);
}

/** Said by a worker to the process that started it. */
export function sayListening(url: string): void {
  process.send?.({ listeningAt: url });
}

function listening(worker: Worker): Promise<string> {
  return new Promise((resolve, reject) => {
    worker.on('message', ({ listeningAt }: { listeningAt?: string }) => listeningAt !== undefined && resolve(listeningAt));
    worker.once('exit', () => reject(new WorkerFailed()));
  });
}

function ended(worker: Worker): Promise<void> {
  if (worker.isDead()) return Promise.resolve(); // listed still, while its channel closes
  return new Promise((resolve) => {
    worker.once('exit', () => resolve());
    worker.process.kill('SIGTERM');
  });
}

/** The worker has told why. */
export class WorkerFailed extends Error {
  override readonly name = 'WorkerFailed';
  readonly code = 'WORKER_FAILED';

  constructor() {
    super('a worker ended before it could serve');
  }
}
