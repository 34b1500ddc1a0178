import cluster, { type Worker } from 'node:cluster';
import { createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { Log } from '../observability/log.ts';
import { relayMetrics } from '../observability/worker-metrics.ts';

/** Processes that serve on one port. This process starts them and serves nothing itself. */
export interface Workers {
  /** Where they listen. */
  readonly url: string;
  /** Asks every worker to end as `berth serve` does at SIGTERM, and resolves when the last one is gone. */
  stop(): Promise<void>;
}

/** Between tries to replace a worker. */
const retryMilliseconds = 1_000;

/**
 * True if each worker has a listening socket of its own (SO_REUSEPORT): the kernel gives each connection to one of them by
 * a hash of its addresses, so that a burst is shared evenly. On one common socket the worker that wakes up first takes all
 * that wait. Other systems than Linux do not spread connections that way; there workers share a socket.
 */
export const workersListenThemselves = process.platform === 'linux';

interface Address {
  readonly host: string;
  readonly port: number;
}

/**
 * Starts `count` workers that serve on `address`, and replaces those that end. The first one starts alone: it prepares the
 * stores, errors in the configuration appear once, and for port 0 it finds the port of all. Rejects when the address is
 * taken, or when a worker ends before it listens.
 */
export async function startWorkers(count: number, address: Address, log: Log): Promise<Workers> {
  // Where workers share a socket the kernel hands out its connections: with Node.js's own round robin a connection that is
  // on its way to a worker that dies is never closed, and its client would wait for ever.
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  let stopping = false;
  let port: number | undefined;
  relayMetrics();
  // Sockets with SO_REUSEPORT share a port with those of another berth: only a socket without it finds out.
  if (workersListenThemselves) await checkFree(address);

  /** Resolves to where the worker listens. */
  async function startOne(): Promise<string> {
    const startedAt = performance.now();
    const worker = cluster.fork(port === undefined ? {} : { BERTH_LISTEN: format({ ...address, port }) });
    const url = await listening(worker);
    port = portOf(url);
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

/** Resolves if nothing listens on the address; rejects with the error of listening there. */
function checkFree(address: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(address, () => server.close(() => resolve()));
  });
}

function portOf(url: string): number {
  return Number(/:(\d+)$/.exec(url)?.[1]);
}

/** The address as `listen` is configured. */
function format({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Said by a worker to the process that started it. */
export function reportListening(url: string): void {
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
