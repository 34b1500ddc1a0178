import pg from 'pg';

/** Longest wait of a request for a connection. */
const connectMilliseconds = 5_000;
/** No statement of berth takes longer; a network that drops packets is detected some seconds later. */
const statementMilliseconds = 15_000;
const answerMilliseconds = 20_000;
/** Longest wait for a lock: transactions take a few milliseconds. */
const lockMilliseconds = 10_000;
/** Time after which a process that has stopped within a transaction loses its locks. */
const idleInTransactionMilliseconds = 30_000;

/** Parses 64-bit integers as numbers: sizes, times and ids are below 2^53. */
const types: pg.CustomTypesConfig = {
  getTypeParser: (oid, format) =>
    oid === pg.types.builtins.INT8 ? Number : (pg.types.getTypeParser(oid, format) as (text: string) => unknown),
};

/** Creates a pool of at most `connections` connections, opened when needed and again after they broke. */
export function createPool(url: string, connections: number): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: connections,
    connectionTimeoutMillis: connectMilliseconds,
    query_timeout: answerMilliseconds,
    keepAlive: true,
    application_name: 'berth',
    types,
    // eslint-disable-next-line @typescript-eslint/no-misused-promises -- the pool waits for it; its types do not say so
    onConnect: async (client) => {
      await client.query(sessionSettings);
    },
  });
  // A broken connection also emits an error here, in addition to the error of its statement.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}

export interface Pools {
  readonly reads: pg.Pool;
  readonly writes: pg.Pool;
  end(): Promise<void>;
}

/**
 * Creates a pool for reads and a pool for writes, with at most `connections` connections together, so that writes that wait for
 * locks do not block reads. A single connection serves both.
 */
export function createPools(url: string, connections: number): Pools {
  const forReads = Math.floor(connections / 2);
  const writes = createPool(url, connections - forReads);
  const reads = forReads === 0 ? writes : createPool(url, forReads);
  return {
    reads,
    writes,
    async end() {
      await Promise.all([...new Set([reads, writes])].map((pool) => pool.end()));
    },
  };
}

/**
 * Settings of each connection. Acknowledged writes are on disk whatever the default of the server is; a stricter setting
 * (`remote_apply`) stays.
 *
 * Every query is a lookup or a page of an index. The settings make the planner use nested loops over indexes, as SQLite does,
 * whatever the statistics are. Otherwise it sometimes reads a whole table for a common value, or a whole index for a page.
 */
export const sessionSettings = `
  SET statement_timeout = ${statementMilliseconds};
  SET lock_timeout = ${lockMilliseconds};
  SET idle_in_transaction_session_timeout = ${idleInTransactionMilliseconds};
  SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;
  SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') IN ('off', 'local')`;
