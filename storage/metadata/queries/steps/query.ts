/**
 * Queries are generators that yield statements and receive rows: each is written once, for both databases and for synchronous and
 * asynchronous drivers. SQL is the common subset of SQLite and PostgreSQL; parameters are written `?`.
 */

export type Value = string | number | null;

export interface Statement {
  readonly sql: string;
  readonly values: readonly Value[];
}

export type Row = Record<string, Value>;

/** A query in progress: yields statements, is resumed with their rows, returns its result. */
export type Query<Result> = Generator<Statement, Result, readonly Row[]>;

/**
 * How a store runs an operation. A database with several writers runs a `write` alone: it waits for those that run, and the
 * next ones wait for it, whichever process they belong to. It runs any number of `concurrentWrite`s beside each other.
 */
export type OperationKind = 'read' | 'write' | 'concurrentWrite';

type QueryFunction = (...args: never[]) => Query<unknown>;

/** A query function that a store offers as a method. */
export type Operation<Function extends QueryFunction = QueryFunction> = Function & {
  readonly kind: OperationKind;
  /** True if it may be lost in a power failure after it has resolved; what it writes survives the end of the process. */
  readonly isUnsynced?: boolean;
  /** True if a store may remember its results while nothing changes. */
  readonly isRemembered?: boolean;
};

/** Declares a read. */
export function read<Function extends QueryFunction>(query: Function): Operation<Function> {
  return Object.assign(query, { kind: 'read' as const });
}

/**
 * Declares that a store may return the result of an earlier run again if nothing has changed since: for reads that requests
 * repeat. The arguments are names and digests, so that a space separates them; a result is one short row, which callers do
 * not change.
 */
export function remembered<Function extends QueryFunction>(operation: Operation<Function>): Operation<Function> {
  return Object.assign(operation, { isRemembered: true });
}

/** Declares a write that runs alone: always right, and slower under load in a database with several writers. */
export function write<Function extends QueryFunction>(query: Function): Operation<Function> {
  return Object.assign(query, { kind: 'write' as const });
}

/**
 * Declares a write that may run beside others of its kind: it adds rows, or touches only rows that it names, and removes
 * nothing that another concurrent write has read and relies on.
 */
export function concurrentWrite<Function extends QueryFunction>(query: Function): Operation<Function> {
  return Object.assign(query, { kind: 'concurrentWrite' as const });
}

/** Declares that a write need not survive power loss: its commit waits for no fsync. */
export function withoutSync<Function extends QueryFunction>(operation: Operation<Function>): Operation<Function> {
  return Object.assign(operation, { isUnsynced: true });
}

/**
 * Runs one statement and returns its rows as `R`, which describes what the statement selects: keep the two side by side. The
 * database holds only values that were parsed before they were written, so that digests and repository names are decoded by this
 * cast alone. Flags need a `decoder`.
 */
export function* all<R>(sql: string, ...values: Value[]): Query<readonly R[]> {
  return (yield { sql, values }) as readonly R[];
}

/** Runs one statement and returns its first row as `R`, if there is one; see `all`. */
export function* first<R>(sql: string, ...values: Value[]): Query<R | undefined> {
  const rows = yield { sql, values };
  return rows[0] as R | undefined;
}

/** Counts the rows of a statement, which has a limit, within the database. */
export function* countRows(sql: string, ...values: Value[]): Query<number> {
  const row = yield* first<{ count: number | string }>(`SELECT count(*) AS "count" FROM (${sql}) few`, ...values);
  return Number(row?.count ?? 0);
}

/** Names of the columns that are booleans, or NULL. */
type FlagOf<R> = { [Name in keyof R]: R[Name] extends boolean | null ? Name : never }[keyof R] & string;

/** Returns a function that decodes a row: both databases store the flags as 1, 0 or NULL. */
export function decoder<R>(...flags: readonly FlagOf<R>[]): (row: Row) => R {
  return (row) => {
    const decoded: Record<string, Value | boolean | undefined> = { ...row };
    for (const name of flags) decoded[name] = row[name] === null ? null : row[name] === 1;
    return decoded as R;
  };
}

/** Runs one statement without a result. */
export function* run(sql: string, ...values: Value[]): Query<void> {
  yield { sql, values };
}

/** Largest number of rows in a statement: databases limit the parameters. */
const batchRows = 500;

/** Yields the items in batches of as many as one statement can have. */
export function* batches<Item>(items: readonly Item[]): Generator<readonly Item[]> {
  for (let start = 0; start < items.length; start += batchRows) yield items.slice(start, start + batchRows);
}

/** Inserts rows with one statement for each batch: `insert`, the values, `conflict`. */
export function* insertRows(insert: string, rows: readonly (readonly Value[])[], conflict: string): Query<void> {
  for (const batch of batches(rows)) {
    const values = batch.map((row) => `(${row.map(() => '?').join(', ')})`).join(', ');
    yield* run(`${insert} VALUES ${values} ${conflict}`, ...batch.flat());
  }
}
