import pg from 'pg';

/** How long a request waits for a free connection, or for a new one. */
const connectMilliseconds = 5_000;
/** No statement of berth's takes longer; a network that swallows packets is noticed a little later. */
const statementMilliseconds = 15_000;
const answerMilliseconds = 20_000;
/** A lock waits for transactions of a few milliseconds. */
const lockMilliseconds = 10_000;
/** A process that stops in the middle of a transaction does not hold its locks for longer. */
const idleInTransactionMilliseconds = 30_000;

/** Sizes, times and ids are below 2^53. */
const types: pg.CustomTypesConfig = {
  getTypeParser: (oid, format) =>
    oid === pg.types.builtins.INT8 ? Number : (pg.types.getTypeParser(oid, format) as (text: string) => unknown),
};

/** At most `connections` connections, opened when needed and again after they broke. */
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
  // A connection that breaks tells it to the statement that runs, and beside that here: also while it rests, or is closed.
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
 * Connections for reads and connections for writes, at most `connections` together: writes that wait for each other's locks
 * leave reads theirs. A single connection serves both.
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
 * What is acknowledged is on disk, whatever the server's default; a stricter one (`remote_apply`) stays.
 *
 * Every query is a lookup or a page of an index, and is planned so whatever the statistics say, or do not say yet: nested
 * loops over indexes, as SQLite does it. Left to itself the planner reads a table whole where it hopes to find a common
 * value soon, or merges a whole index into a page.
 */
export const sessionSettings = `
  SET statement_timeout = ${statementMilliseconds};
  SET lock_timeout = ${lockMilliseconds};
  SET idle_in_transaction_session_timeout = ${idleInTransactionMilliseconds};
  SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;
  SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') IN ('off', 'local')`;
