import { Worker } from 'node:worker_threads';
import type { FromWorker, Job, ToWorker, WorkerFailure } from './protocol.ts';

/** Runs jobs on one thread, which begins with the first job and ends soon after the last. */
export interface IndexWorker {
  /** Runs a job. Rejects `JobFailed`, or with the error of an input or of the output. */
  run(job: Job, ports: JobPorts): Promise<void>;
  /** Ends the thread; jobs in progress reject. Idempotent. */
  close(): Promise<void>;
}

export interface JobPorts {
  /** Opens an input. A job reads each once. */
  open(input: number): AsyncIterable<Uint8Array>;
  /** Writes the next part of the output. */
  write(bytes: Uint8Array): Promise<void>;
  /** Ends the job when it is aborted; the job rejects with its reason. */
  readonly signal: AbortSignal;
}

/** A job has ended without a result. */
export class JobFailed extends Error {
  override readonly name = 'JobFailed';
  readonly limit: WorkerFailure['limit'];

  constructor({ limit, message }: WorkerFailure) {
    super(message);
    this.limit = limit;
  }
}

/** A thread without jobs ends after this time. */
const idleMilliseconds = 30_000;
/** A stop for defects: what a job holds is counted, see `Limits.memoryBytes`. */
const maxHeapMegabytes = 512;

interface RunningJob {
  readonly ports: JobPorts;
  readonly inputs: Map<number, AsyncIterator<Uint8Array>>;
  settle(error?: Error): void;
}

export function createIndexWorker(): IndexWorker {
  let worker: Worker | undefined;
  let idle: NodeJS.Timeout | undefined;
  let lastId = 0;
  const jobs = new Map<number, RunningJob>();

  const post = (message: ToWorker): void => worker?.postMessage(message);

  function start(): Worker {
    const started = new Worker(new URL('./worker.ts', import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: maxHeapMegabytes },
    });
    started.on('message', (message: FromWorker) => void handle(message));
    started.on('error', (error) => failAll(started, toFailure(error)));
    started.on('exit', () => failAll(started, { limit: undefined, message: 'the thread that reads layers has ended' }));
    return started;
  }

  function failAll(failed: Worker, failure: WorkerFailure): void {
    if (worker !== failed) return;
    worker = undefined;
    for (const { settle } of [...jobs.values()]) settle(new JobFailed(failure));
  }

  async function handle(message: FromWorker): Promise<void> {
    const { id } = message;
    const job = jobs.get(id);
    // The job has ended here before the thread has noticed it.
    if (!job) {
      post({ type: 'cancel', id });
      return;
    }
    try {
      if (message.type === 'done') job.settle();
      else if (message.type === 'failed') job.settle(new JobFailed(message.failure));
      else if (message.type === 'pull') post({ type: 'piece', id, bytes: await nextPiece(job, message.input) });
      else {
        await job.ports.write(message.bytes);
        post({ type: 'written', id });
      }
    } catch (error) {
      job.settle(toError(error));
    }
  }

  async function stop(): Promise<void> {
    const stopped = worker;
    worker = undefined;
    await stopped?.terminate();
  }

  return {
    run(job, ports) {
      clearTimeout(idle);
      worker ??= start();
      worker.ref();
      const id = ++lastId;
      return new Promise<void>((resolve, reject) => {
        const abort = () => settle(toError(ports.signal.reason));
        function settle(error?: Error): void {
          if (!jobs.delete(id)) return;
          ports.signal.removeEventListener('abort', abort);
          if (error === undefined) resolve();
          else {
            post({ type: 'cancel', id });
            reject(error);
          }
          void endInputs(running);
          if (jobs.size > 0) return;
          worker?.unref();
          idle = setTimeout(() => void stop(), idleMilliseconds).unref();
        }
        const running: RunningJob = { ports, inputs: new Map(), settle };
        jobs.set(id, running);
        ports.signal.addEventListener('abort', abort, { once: true });
        if (ports.signal.aborted) abort();
        else post({ type: 'begin', id, job });
      });
    },
    async close() {
      clearTimeout(idle);
      for (const { settle } of [...jobs.values()]) settle(new Error('berth is shutting down'));
      await stop();
    },
  };
}

/** Reads the next piece of an input; a copy, because a store may use its buffer again. */
async function nextPiece({ inputs, ports }: RunningJob, input: number): Promise<Uint8Array | undefined> {
  const iterator = inputs.get(input) ?? ports.open(input)[Symbol.asyncIterator]();
  inputs.set(input, iterator);
  const next = await iterator.next();
  return next.done === true ? undefined : Uint8Array.from(next.value);
}

async function endInputs({ inputs }: RunningJob): Promise<void> {
  for (const input of inputs.values()) await input.return?.().catch(() => undefined);
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

function toFailure(error: unknown): WorkerFailure {
  const isMemory = error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY';
  if (isMemory) return { limit: 'memory', message: 'reading the layer needs too much memory' };
  return { limit: undefined, message: error instanceof Error ? error.message : String(error) };
}
