import type { Pool, PoolClient } from 'pg';
import type { OperationKind, Query } from '../queries/steps/query.ts';
import { MetadataError } from '../store.ts';
import { drive } from './drive.ts';
import { asking } from './errors.ts';

/** Any number, the same in every berth: locks are the database's own. */
const writersLock = 7_216_340_581;

/** `unsyncedWrite`: a concurrent write whose commit waits for no fsync. */
type TransactionKind = OperationKind | 'unsyncedWrite';

/**
 * Writes see in each statement what was committed before it, thus everything that was there when they got the lock;
 * reads of several statements see one moment.
 */
const begin: Readonly<Record<TransactionKind, string>> = {
  read: 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY',
  concurrentWrite: `BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock_shared(${writersLock})`,
  unsyncedWrite: `BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL synchronous_commit = off; SELECT pg_advisory_xact_lock_shared(${writersLock})`,
  write: `BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock(${writersLock})`,
};

/** Runs the query as one transaction: all of it or nothing. Throws `ConnectionLost` only where nothing was committed. */
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

/** Once COMMIT is on its way only the database knows what became of it. */
async function commit(client: PoolClient): Promise<void> {
  try {
    await client.query('COMMIT');
  } catch (error) {
    throw new MetadataError('unavailable', 'PostgreSQL did not say whether a transaction was committed', { cause: error });
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
