import type { Pool, PoolClient } from 'pg';
import type { OperationKind, Query } from '../queries/steps/query.ts';
import { MetadataError } from '../store.ts';
import { drive } from './drive.ts';
import { asking } from './errors.ts';

/** Advisory lock of writers, the same in every process. */
const writersLock = 7_216_340_581;

/** `unsyncedWrite`: a concurrent write whose commit waits for no fsync. */
type TransactionKind = OperationKind | 'unsyncedWrite';

/**
 * Statements that begin a transaction. Each statement of a write sees everything committed before it, and so everything committed
 * before the write got the lock. Reads of several statements see one snapshot.
 */
const begin: Readonly<Record<TransactionKind, string>> = {
  read: 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY',
  concurrentWrite: `BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock_shared(${writersLock})`,
  unsyncedWrite: `BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL synchronous_commit = off; SELECT pg_advisory_xact_lock_shared(${writersLock})`,
  write: `BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock(${writersLock})`,
};

/** Runs the query as one transaction. Throws `ConnectionLost` only if nothing was committed. */
export async function inTransaction<Result>(pool: Pool, kind: TransactionKind, query: Query<Result>): Promise<Result> {
  const client = await asking(() => pool.connect());
  let usable = false;
  try {
    await asking(() => client.query(begin[kind]));
    const result = await drive(client, query);
    await commit(client);
    usable = true;
    return result;
  } catch (error) {
    usable = !(error instanceof MetadataError) && (await rolledBack(client));
    throw error;
  } finally {
    client.release(!usable);
  }
}

/** Commits. If the connection breaks, only the database knows the result: the error forbids a retry. */
async function commit(client: PoolClient): Promise<void> {
  try {
    await client.query('COMMIT');
  } catch (error) {
    throw new MetadataError('unavailable', 'PostgreSQL did not confirm whether a transaction was committed', { cause: error });
  }
}

async function rolledBack(client: PoolClient): Promise<boolean> {
  try {
    await client.query('ROLLBACK');
    return true;
  } catch {
    return false;
  }
}
