import { Worker } from 'node:worker_threads';
import { QuotaRefusal } from '../queries/steps/quotas.ts';
import { MetadataError } from '../store.ts';
import type { WriteReply, WriteRequest } from './group-commit.ts';
import type { OpenRequest } from './writer.ts';

/** The write thread, as the main thread uses it. */
export interface WriteThread {
  /** Runs the write with the id `operation`. Resolves when it is durable. */
  write(operation: string, args: readonly never[]): Promise<unknown>;
  /** Resolves when all writes are done and the database is closed. */
  close(): Promise<void>;
}

interface Waiting {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

let loadingThread: Worker | undefined;

/** Starts the thread of the next `startWriteThread` ahead, so that it loads its modules while this thread loads others. */
export function loadWriteThread(): void {
  loadingThread ??= new Worker(new URL('./writer.ts', import.meta.url));
  // A process that ends without a store does not wait for the thread.
  loadingThread.unref();
}

function takeThread(): Worker {
  loadWriteThread();
  const thread = loadingThread as Worker;
  loadingThread = undefined;
  return thread;
}

/** Starts the thread; resolves when the database is open and migrated. */
export async function startWriteThread(file: string): Promise<WriteThread> {
  const worker = takeThread();
  worker.postMessage({ file } satisfies OpenRequest);
  const waiting = new Map<number, Waiting>();
  let lastId = 0;
  const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));

  function answer(reply: WriteReply): void {
    const waiter = waiting.get(reply.id);
    waiting.delete(reply.id);
    if ('error' in reply) waiter?.reject(toError(reply.error));
    else if ('refusal' in reply) waiter?.reject(new QuotaRefusal(reply.refusal));
    else waiter?.resolve(reply.result);
    if (waiting.size === 0) worker.unref();
  }
  function failAll(error: Error): void {
    for (const waiter of waiting.values()) waiter.reject(error);
    waiting.clear();
  }
  worker.on('message', answer);
  worker.on('error', (error) => failAll(new MetadataError('unavailable', 'the write thread failed', { cause: error })));
  worker.on('exit', () => failAll(new MetadataError('closed', 'the metadata store is closed')));

  function expectReply(id: number): Promise<unknown> {
    worker.ref();
    return new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
  }

  let closing = false;
  worker.once('exit', () => {
    closing = true;
  });
  await expectReply(0);
  return {
    write(operation, args) {
      if (closing) return Promise.reject(new MetadataError('closed', 'the metadata store is closed'));
      const id = ++lastId;
      const reply = expectReply(id);
      worker.postMessage({ id, operation, args } satisfies WriteRequest);
      return reply;
    },
    async close() {
      if (!closing) worker.postMessage('close');
      closing = true;
      worker.ref();
      await exited;
    },
  };
}

function toError({ code, message }: { code: MetadataError['code'] | undefined; message: string }): Error {
  return code ? new MetadataError(code, message) : new Error(message);
}
