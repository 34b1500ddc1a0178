import { QuotaRefusal, type QuotaRefusalReason } from '../queries/steps/quotas.ts';
import type { Operation } from '../queries/steps/query.ts';
import { MetadataError, type MetadataErrorCode } from '../store.ts';
import type { Connection } from './connection.ts';

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

export interface Write {
  readonly request: WriteRequest;
  readonly operation: Operation;
}

/** Returns the reply to a request that failed. */
export function failure(id: number, error: unknown): WriteReply {
  if (error instanceof QuotaRefusal) return { id, refusal: error.reason };
  const code = error instanceof MetadataError ? error.code : undefined;
  return { id, error: { code, message: error instanceof Error ? error.message : String(error) } };
}

/** Performs the writes in one transaction, and returns their replies. A write that fails leaves the others unharmed. */
export function commitTogether(connection: Connection, batch: readonly Write[]): readonly WriteReply[] {
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

function perform(connection: Connection, { request: { id, args }, operation }: Write): WriteReply {
  return { id, result: connection.drive(operation(...args)) };
}

/** Performs one of several writes of a transaction. Its failure undoes nothing of the others. */
function performBeside(connection: Connection, write: Write): WriteReply {
  connection.execute('SAVEPOINT one');
  try {
    const reply = perform(connection, write);
    connection.execute('RELEASE one');
    return reply;
  } catch (error) {
    try {
      connection.execute('ROLLBACK TO one; RELEASE one');
    } catch {
      // SQLite has rolled back the whole transaction: the other writes have failed, too, and for this reason.
      throw error;
    }
    return failure(write.request.id, error);
  }
}
