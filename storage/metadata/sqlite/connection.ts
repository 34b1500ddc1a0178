import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { Query, Row } from '../query.ts';
import { MetadataError } from '../store.ts';
import { frozenMessage } from './freeze.ts';

/** One SQLite connection that drives queries synchronously. */
export interface Connection {
  /** Runs the query to its end. Throws `MetadataError` where the database fails. */
  drive<Result>(query: Query<Result>): Result;
  /** Runs statements without parameters or rows. */
  execute(sql: string): void;
  close(): void;
}

/** How long a statement waits for another process's transaction. */
const busyTimeoutMilliseconds = 10_000;

/**
 * WAL: readers never wait for the writer. `synchronous = FULL`: a commit is fsync'd before it returns, so that it
 * survives power loss.
 */
export function connect(file: string, { readOnly }: { readOnly: boolean }): Connection {
  const database = translated(() => new DatabaseSync(file, { readOnly, timeout: busyTimeoutMilliseconds }));
  if (!readOnly) database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON');
  database.exec('PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY');
  const statements = new Map<string, StatementSync>();

  function prepare(sql: string): StatementSync {
    let statement = statements.get(sql);
    if (!statement) {
      statement = database.prepare(sql);
      statements.set(sql, statement);
    }
    return statement;
  }

  return {
    drive(query) {
      return translated(() => {
        let step = query.next([]);
        while (!step.done) step = query.next(prepare(step.value.sql).all(...step.value.values) as readonly Row[]);
        return step.value;
      });
    },
    execute: (sql) => translated(() => database.exec(sql)),
    close: () => database.close(),
  };
}

/** SQLite's result codes that mean "not now" or "not here"; https://www.sqlite.org/rescode.html */
const unavailableCodes = new Set([5, 6, 8, 10, 14]); // BUSY, LOCKED, READONLY, IOERR, CANTOPEN
const fullCode = 13;
const constraintCode = 19;

function translated<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    const code = (error as { errcode?: unknown }).errcode;
    if (typeof code !== 'number') throw error;
    const primary = code & 0xff;
    const { message } = error as Error;
    if (primary === constraintCode && message.includes(frozenMessage))
      throw new MetadataError('read_only', message, { cause: error });
    if (primary === fullCode) throw new MetadataError('no_space', 'the metadata store has no space left', { cause: error });
    if (unavailableCodes.has(primary)) throw new MetadataError('unavailable', message, { cause: error });
    throw error;
  }
}
