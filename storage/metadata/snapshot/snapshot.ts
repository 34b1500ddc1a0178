import { Worker } from 'node:worker_threads';
import { MetadataError } from '../store.ts';
import type { SnapshotReply, SnapshotRequest, SnapshotSource } from './snapshot-writer.ts';

export type { SnapshotSource };

export interface CopyProgress {
  readonly table: string;
  readonly rows: number;
}

/**
 * Writes the rows of a metadata store, as of one moment after the call, into a new SQLite file with the schema of this
 * version, and without the keys that sign tokens, leases, and uploads in progress. Runs on a thread of its own, beside
 * reads and writes. The file need not survive power loss. Rejects with `MetadataError`, or with the reason of `signal`; a
 * part of the file may be left then.
 */
export async function writeSnapshot(
  source: SnapshotSource,
  target: string,
  onProgress: (progress: CopyProgress) => void,
  signal?: AbortSignal,
): Promise<void> {
  signal?.throwIfAborted();
  const request: SnapshotRequest = { source, target };
  const worker = new Worker(new URL('./snapshot-writer.ts', import.meta.url), { workerData: request });
  const stop = (): void => void worker.terminate();
  signal?.addEventListener('abort', stop);
  try {
    await new Promise<void>((resolve, reject) => {
      worker.on('message', (reply: SnapshotReply) => {
        if (!('error' in reply)) onProgress(reply);
        else if (reply.error.code) reject(new MetadataError(reply.error.code, reply.error.message));
        else reject(new Error(reply.error.message));
      });
      worker.on('error', reject);
      worker.on('exit', (code) => {
        if (code === 0) resolve();
        else reject(new MetadataError('unavailable', 'the thread of the snapshot has ended early'));
      });
    });
  } finally {
    signal?.removeEventListener('abort', stop);
    signal?.throwIfAborted();
  }
}
