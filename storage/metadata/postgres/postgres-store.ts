import type { Pool } from 'pg';
import { driveOne } from './drive.ts';
import { toMetadataError } from './errors.ts';
import { migrate } from './migrate.ts';
import { createPools } from './pool.ts';
import { retrying } from './retrying.ts';
import { type Mode, inTransaction } from './transactions.ts';
import type { Query } from '../queries/query.ts';
import { mayRunBesideOthers } from '../queries/concurrent-writes.ts';
import * as reads from '../queries/reads.ts';
import * as writes from '../queries/writes.ts';
import { MetadataError, type MetadataStore } from '../store.ts';

export interface PostgresOptions {
  /** `postgres://user:password@host/database?sslmode=…` */
  readonly url: string;
  /** The most connections that this process opens. */
  readonly connections: number;
}

type Question = (...args: readonly never[]) => Query<unknown>;

/**
 * The metadata store in a PostgreSQL database (13 or newer), for any number of replicas. Conflicts and lost connections
 * are tried again for a moment, but never a commit whose outcome is unknown. Rejects `newer_schema`, `unavailable`.
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
    const work = retrying(attempt);
    running.add(work);
    try {
      return await work;
    } catch (error) {
      throw toMetadataError(error);
    } finally {
      running.delete(work);
    }
  }
  const writing = (name: string, query: Question) => {
    const mode: Mode = mayRunBesideOthers(name) ? 'adding' : 'alone';
    return (...args: readonly never[]) => operate(() => inTransaction(pools.writes, mode, query(...args)));
  };
  const operations = {
    ...Object.fromEntries(
      Object.entries(reads).map(([name, query]) => {
        const read = reading(pools.reads, query);
        return [name, (...args: readonly never[]) => operate(() => read(args))];
      }),
    ),
    ...Object.fromEntries(Object.entries(writes).map(([name, query]) => [name, writing(name, query)])),
  };
  return Object.assign(operations, {
    name: 'postgres',
    async check() {
      await (operations as unknown as MetadataStore).repositoryExists('');
    },
    async close() {
      if (!open) return;
      open = false;
      await Promise.allSettled(running);
      await pools.end();
    },
  }) as unknown as MetadataStore;
}

/** A read of one statement needs no transaction; one that turns out to have more begins again, from then on within one. */
function reading(pool: Pool, query: Question): (args: readonly never[]) => Promise<unknown> {
  let severalStatements = false;
  return async (args) => {
    if (!severalStatements) {
      const answer = await driveOne(pool, query(...args));
      if (answer) return answer.result;
      severalStatements = true;
    }
    return inTransaction(pool, 'reading', query(...args));
  };
}
