/**
 * The write thread: only this thread changes the database, so that the fsync of a commit never blocks the event loop. Writes that
 * arrive during a commit share the next one (group commit): under load many pushes cost one fsync.
 */
import { type MessagePort, parentPort, receiveMessageOnPort } from 'node:worker_threads';
import { QuotaRefusal, type QuotaRefusalReason } from '../queries/steps/quotas.ts';
import type { Operation } from '../queries/steps/query.ts';
import { findOperation } from '../queries/subjects.ts';
import { MetadataError, type MetadataErrorCode } from '../store.ts';
import { type Connection, connect } from './connection.ts';
import { migrate } from './migrate.ts';

/** The first message to the thread. */
export interface OpenRequest {
  readonly file: string;
}

export interface WriteRequest {
  readonly id: number;
  /** The id of a write, from `implementSubjects`. */
  readonly operation: string;
  readonly args: readonly never[];
}

export type WriteReply =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly refusal: QuotaRefusalReason }
  | { readonly id: number; readonly error: { readonly code: MetadataErrorCode | undefined; readonly message: string } };

/** The id of the first reply, which belongs to no request: the database is open and migrated. */
export const readyId = 0;

/** Largest number of writes in a commit: bounds the wait of the first one for the last one. */
const largestBatch = 256;

const port = parentPort;
if (!port) throw new Error('this module is a worker thread');

function failure(id: number, error: unknown): WriteReply {
  if (error instanceof QuotaRefusal) return { id, refusal: error.reason };
  const code = error instanceof MetadataError ? error.code : undefined;
  return { id, error: { code, message: error instanceof Error ? error.message : String(error) } };
}

interface Write {
  readonly request: WriteRequest;
  readonly operation: Operation;
}

function perform(connection: Connection, { request: { id, args }, operation }: Write): WriteReply {
  return { id, result: connection.drive(operation(...args)) };
}

/** Performs one of several writes of a transaction. Its failure undoes nothing of the others. */
function performBeside(connection: Connection, write: Write): WriteReply {
  const { id } = write.request;
  connection.execute('SAVEPOINT one');
  try {
    const reply = perform(connection, write);
    connection.execute('RELEASE one');
    return reply;
  } catch (error) {
    connection.execute('ROLLBACK TO one; RELEASE one');
    return failure(id, error);
  }
}

function commitTogether(connection: Connection, batch: readonly Write[]): readonly WriteReply[] {
  // In WAL mode a commit without fsync keeps the database consistent, and the next commit with one makes both durable.
  const isUnsynced = batch.every(({ operation }) => operation.isUnsynced);
  try {
    if (isUnsynced) connection.execute('PRAGMA synchronous = NORMAL');
    connection.execute('BEGIN IMMEDIATE');
    // A write without others needs no savepoint: its failure rolls the transaction back.
    const work = batch.length === 1 ? perform : performBeside;
    const replies = batch.map((write) => work(connection, write));
    connection.execute('COMMIT');
    return replies;
  } catch (error) {
    try {
      connection.execute('ROLLBACK');
    } catch {
      // SQLite has already rolled back (disk full, I/O error), or the transaction did not begin.
    }
    return batch.map(({ request }) => failure(request.id, error));
  } finally {
    if (isUnsynced) connection.execute('PRAGMA synchronous = FULL');
  }
}

/** Never rejects: writes whose operation cannot be found get the error as their reply. */
async function write(connection: Connection, batch: readonly WriteRequest[]): Promise<readonly WriteReply[]> {
  let writes: readonly Write[];
  try {
    writes = await Promise.all(batch.map(async (request) => ({ request, operation: await findOperation(request.operation) })));
  } catch (error) {
    return batch.map(({ id }) => failure(id, error));
  }
  return commitTogether(connection, writes);
}

/** Performs the writes in the order of their requests. */
function writeUntilClosed(connection: Connection, port: MessagePort): void {
  const arrived: (WriteRequest | 'close')[] = [];
  let isWriting = false;

  /** Takes the requests before a `close`, at most `largestBatch`. */
  function takeBatch(): readonly WriteRequest[] {
    while (arrived.length < largestBatch) {
      const next = receiveMessageOnPort(port);
      if (!next) break;
      arrived.push(next.message as WriteRequest | 'close');
    }
    const end = arrived.indexOf('close');
    return arrived.splice(0, Math.min(end < 0 ? arrived.length : end, largestBatch)) as readonly WriteRequest[];
  }

  async function writeAll(): Promise<void> {
    isWriting = true;
    while (arrived.length > 0 && arrived[0] !== 'close') {
      for (const reply of await write(connection, takeBatch())) port.postMessage(reply);
    }
    isWriting = false;
    if (arrived[0] === 'close') {
      connection.close();
      port.close();
    }
  }

  port.on('message', (message: WriteRequest | 'close') => {
    arrived.push(message);
    if (!isWriting) void writeAll();
  });
}

port.once('message', ({ file }: OpenRequest) => {
  try {
    const connection = connect(file, { readOnly: false });
    migrate(connection);
    writeUntilClosed(connection, port);
    port.postMessage({ id: readyId, result: undefined } satisfies WriteReply);
  } catch (error) {
    port.postMessage(failure(readyId, error));
    port.close();
  }
});
