import type { Pool } from 'pg';
import { driveOne } from './drive.ts';
import { ConnectionLost, isConflict, toMetadataError } from './errors.ts';
import { migrate } from './migrate.ts';
import { createPools } from './pool.ts';
import { inTransaction } from './transactions.ts';
import type { Operation } from '../queries/steps/query.ts';
import { type Subjects, implementSubjects, loadSubjects } from '../queries/subjects.ts';
import { retry } from '../../back-off.ts';
import { MetadataError, type MetadataStore } from '../store.ts';
import { createWriteHealth, writeCheck } from '../write-health.ts';

export interface PostgresOptions {
  /** `postgres://user:password@host/database?sslmode=…` */
  readonly url: string;
  /** Largest number of connections of this process. */
  readonly connections: number;
}

/** After a conflict or a lost connection: a client waits for a request at most this long, and then gets an error. */
const retries = {
  isRetryable: (error: unknown) => error instanceof ConnectionLost || isConflict(error),
  pauses: { first: 10, longest: 500 },
  maxMilliseconds: 2_000,
};

/**
 * Opens the metadata store in a PostgreSQL database (13 or newer), for any number of replicas. Retries operations for two seconds
 * after conflicts and lost connections, but never a commit whose result is unknown. Rejects `newer_schema`, `unavailable`.
 */
export async function createPostgresStore({ url, connections }: PostgresOptions): Promise<MetadataStore> {
  const pools = createPools(url, connections);
  try {
    await migrate(pools.writes);
  } catch (error) {
    await pools.end();
    throw toMetadataError(error);
  }
  const running = new Set<Promise<unknown>>();
  let open = true;

  async function operate(attempt: () => Promise<unknown>): Promise<unknown> {
    if (!open) throw new MetadataError('closed', 'the metadata store is closed');
    const work = retry(attempt, retries);
    running.add(work);
    try {
      return await work;
    } catch (error) {
      throw toMetadataError(error);
    } finally {
      running.delete(work);
    }
  }
  const writes = createWriteHealth(() => subjects.leases.take(...writeCheck));
  const subjects: Subjects = implementSubjects(await loadSubjects(), (operation) => {
    const attempt = operation.kind === 'read' ? reading(pools.reads, operation) : writing(pools.writes, operation);
    const run = (...args: never[]) => operate(() => attempt(args));
    return operation.kind === 'read' ? run : (...args) => run(...args).catch(writes.failed);
  });
  return {
    ...subjects,
    name: 'postgres',
    async check() {
      await subjects.grants.rightsVersion();
      await writes.check();
    },
    async close() {
      if (!open) return;
      open = false;
      await Promise.allSettled(running);
      await pools.end();
    },
  };
}

/** Returns a function that runs the write as one transaction. */
function writing(pool: Pool, operation: Operation): (args: never[]) => Promise<unknown> {
  return (args) => inTransaction(pool, operation.isUnsynced ? 'unsyncedWrite' : operation.kind, operation(...args));
}

/** Returns a function that runs the read: without a transaction unless it has shown to need several statements. */
function reading(pool: Pool, operation: Operation): (args: never[]) => Promise<unknown> {
  let severalStatements = false;
  return async (args) => {
    if (!severalStatements) {
      const answer = await driveOne(pool, operation(...args));
      if (answer) return answer.result;
      severalStatements = true;
    }
    return inTransaction(pool, 'read', operation(...args));
  };
}
