/**
 * The write thread: only this thread changes the database, so that the fsync of a commit never blocks the event loop. Writes that
 * arrive during a commit share the next one (group commit): under load many pushes cost one fsync.
 */
import { type MessagePort, parentPort, receiveMessageOnPort } from 'node:worker_threads';
import { findOperation } from '../queries/subjects.ts';
import { type Connection, connect } from './connection.ts';
import { type Write, type WriteReply, type WriteRequest, commitTogether, failure } from './group-commit.ts';
import { migrate } from './migrate.ts';

/** The first message to the thread. */
export interface OpenRequest {
  readonly file: string;
}

/** The id of the first reply, which belongs to no request: the database is open and migrated. */
export const readyId = 0;

/** Largest number of writes in a commit: bounds the wait of the first one for the last one. */
const largestBatch = 256;

const port = parentPort;
if (!port) throw new Error('this module is a worker thread');

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
