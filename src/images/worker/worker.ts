import { parentPort } from 'node:worker_threads';
import { createIndexWriter } from '../index/index-writer.ts';
import { buildLayer } from '../layers/build-layer.ts';
import { InvalidLayer, LimitExceeded } from '../layers/limits.ts';
import { mergeImage } from '../merge/merge-image.ts';
import type { FromWorker, Job, ToWorker, WorkerFailure } from './protocol.ts';

/** The thread that reads layers. Jobs take turns whenever one waits for an input or for its output. */

/** What a job waits for: one thing at a time. */
interface Waiting {
  resolve(piece: Uint8Array | undefined): void;
  reject(error: Error): void;
}

const waiting = new Map<number, Waiting>();

function send(message: FromWorker): void {
  parentPort?.postMessage(message);
}

function answerTo(id: number, message: FromWorker): Promise<Uint8Array | undefined> {
  return new Promise((resolve, reject) => {
    waiting.set(id, { resolve, reject });
    send(message);
  });
}

async function* readInput(id: number, input: number): AsyncGenerator<Uint8Array> {
  for (;;) {
    const piece = await answerTo(id, { type: 'pull', id, input });
    if (!piece) return;
    yield piece;
  }
}

async function run(id: number, job: Job): Promise<void> {
  const writer = createIndexWriter(async (bytes) => {
    await answerTo(id, { type: 'output', id, bytes });
  });
  const input = (number: number) => readInput(id, number);
  if (job.kind === 'layer') await buildLayer({ blob: input(0), sizeBytes: job.sizeBytes }, writer, job.limits);
  else await mergeImage(job.layers, input, writer, job.limits);
}

function toFailure(error: unknown): WorkerFailure {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof LimitExceeded) return { limit: error.limit, message };
  return { limit: error instanceof InvalidLayer ? 'format' : undefined, message };
}

parentPort?.on('message', (message: ToWorker) => {
  const { id } = message;
  if (message.type === 'begin') {
    run(id, message.job).then(
      () => send({ type: 'done', id }),
      (error: unknown) => send({ type: 'failed', id, failure: toFailure(error) }),
    );
    return;
  }
  const job = waiting.get(id);
  waiting.delete(id);
  if (message.type === 'cancel') job?.reject(new Error('the job was cancelled'));
  else job?.resolve(message.type === 'piece' ? message.bytes : undefined);
});
