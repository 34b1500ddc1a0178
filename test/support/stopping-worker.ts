import { createInterface } from 'node:readline';
import type { RepositoryName } from '../../src/oci/reference.ts';
import type { Digest } from '../../src/oci/digest.ts';
import { type StopPoint, armStopPoints, stopAt } from './stop-points.ts';

/** A command for the worker: an operation on an upload session, and the point at which the worker stops. */
export interface WorkerTask {
  readonly id: string;
  readonly stopAt: StopPoint;
  /** Base64. */
  readonly chunk: string;
  /** The length that the client announced. */
  readonly length: number;
  /** Ends the session with this digest; without it the chunk is appended only. */
  readonly digest?: Digest | undefined;
}

/** Shares the folder `argv[2]` with other processes, executes each line of its input, and prints the results. */
await armStopPoints();
const { openSharedUploads } = await import('./shared-uploads.ts');
const { uploads } = await openSharedUploads(process.argv[2] ?? '', Date.now);
process.stdout.write('ready\n');

for await (const line of createInterface({ input: process.stdin })) {
  const { id, chunk, length, digest, stopAt: point } = JSON.parse(line) as WorkerTask;
  const bytes = Buffer.from(chunk, 'base64');
  async function* body(): AsyncGenerator<Uint8Array> {
    yield await Promise.resolve(bytes);
  }
  const session = { id, repository: 'app' as RepositoryName, owner: '' };
  stopAt(point);
  const part = { body: body(), length };
  const work = digest === undefined ? uploads.append(session, part) : uploads.finish(session, digest, part);
  const outcome = await work.then(
    () => 'done',
    (error: unknown) => `failed: ${String(error)}: ${String((error as Error).cause)}`,
  );
  process.stdout.write(`${outcome}\n`);
}
