import cluster, { type Worker } from 'node:cluster';
import { createServer } from 'node:net';
import { isSea } from 'node:sea';
import { setTimeout as pause } from 'node:timers/promises';
import type { Log } from '../../observability/log.ts';
import { relayMetrics } from '../../observability/worker-metrics.ts';

/** Worker processes that serve on one port. This process only starts and replaces them. */
export interface Workers {
  /** URL of their listener. */
  readonly url: string;
  /** Lets every worker reload its configuration. */
  reload(): void;
  /** Ends every worker with SIGTERM, as `berth serve` ends. Resolves when the last one has ended. */
  stop(): Promise<void>;
}

/** Wait between attempts to replace a worker. */
const retryMilliseconds = 1_000;

/**
 * True if each worker has a listening socket of its own (SO_REUSEPORT): the kernel gives each connection to one of them by
 * a hash of its addresses, which spreads a burst evenly. On one common socket the first worker to wake up accepts all waiting
 * connections. Systems other than Linux do not spread connections this way: there, workers share a socket.
 */
export const workersListenThemselves = process.platform === 'linux';

interface Address {
  readonly host: string;
  readonly port: number;
}

/**
 * Starts `count` workers that serve on `address`, and replaces those that end. The first one starts alone: it prepares the
 * stores, configuration errors appear once, and for port 0 it determines the port of all. Rejects if the address is in use
 * or a worker ends before it listens.
 */
export async function startWorkers(count: number, address: Address, log: Log): Promise<Workers> {
  // The kernel distributes the connections of a shared socket: the round robin of Node.js never closes a connection that it
  // has passed to a dying worker, and the client would wait forever.
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  if (isSea()) startWorkersAsExecutable();
  let stopping = false;
  let port: number | undefined;
  /** Workers that listen, and so handle signals. */
  const serving = new Set<Worker>();
  relayMetrics();
  // Sockets with SO_REUSEPORT would share the port of another berth: only a socket without it detects that.
  if (workersListenThemselves) await checkFree(address);

  /** Resolves to the URL of the worker's listener. */
  async function startOne(): Promise<string> {
    const startedAt = performance.now();
    const worker = cluster.fork(port === undefined ? {} : { BERTH_LISTEN: format({ ...address, port }) });
    const url = await listening(worker);
    port = portOf(url);
    serving.add(worker);
    log.info({ pid: worker.process.pid, milliseconds: Math.round(performance.now() - startedAt) }, 'a worker serves');
    worker.once('exit', (code: number | null, signal: string | null) => {
      serving.delete(worker);
      if (stopping) return;
      log.error({ pid: worker.process.pid, code, signal }, 'a worker ended: starting another one');
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

  function reload(): void {
    for (const worker of serving) worker.process.kill('SIGHUP');
  }

  async function stop(): Promise<void> {
    stopping = true;
    await Promise.all(runningWorkers().map(ended));
  }

  try {
    const url = await startOne();
    await Promise.all(Array.from({ length: count - 1 }, startOne));
    return { url, stop, reload };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** In the single executable the arguments of berth follow the program itself: there is no file of the main module before them. */
function startWorkersAsExecutable(): void {
  const [exec = '', ...args] = process.argv.slice(2);
  cluster.setupPrimary({ exec, args, execArgv: [] });
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

/** Formats the address as the key `listen` is written. */
function format({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Reports the listener's URL from a worker to its parent process. */
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
  if (worker.isDead()) return Promise.resolve(); // still listed while its channel closes
  return new Promise((resolve) => {
    worker.once('exit', () => resolve());
    worker.process.kill('SIGTERM');
  });
}

/** A worker ended before it listened; it has printed the reason itself. */
export class WorkerFailed extends Error {
  override readonly name = 'WorkerFailed';
  readonly code = 'WORKER_FAILED';

  constructor() {
    super('a worker ended before it could serve');
  }
}
