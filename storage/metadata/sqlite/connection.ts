import { accessSync, constants } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { Query, Row, Statement, Value } from '../queries/steps/query.ts';
import { MetadataError, type MetadataErrorCode } from '../store.ts';
import { frozenMessage } from './read-only.ts';

/** One SQLite connection, which runs queries synchronously. */
export interface Connection {
  /** Runs the query to its end. Throws `MetadataError` if the database fails. */
  drive<Result>(query: Query<Result>): Result;
  /** Runs statements without parameters or rows. */
  execute(sql: string): void;
  close(): void;
}

interface Prepared {
  /** Returns rows as arrays: objects that SQLite's binding makes cost twice as much. */
  readonly statement: StatementSync;
  readonly columns: readonly string[];
}

function named(columns: readonly string[], values: readonly Value[]): Row {
  const row: Row = {};
  for (let index = 0; index < columns.length; index++) row[columns[index] ?? ''] = values[index] ?? null;
  return row;
}

const noRows: readonly Row[] = [];

/** Longest wait of a statement for the transaction of another process. */
const busyTimeoutMilliseconds = 10_000;

/**
 * Opens a database file. WAL: readers never wait for the writer. `synchronous = FULL`: a commit is fsync'd before it returns, so
 * that it survives power loss. Throws `MetadataError`.
 */
export function connect(file: string, { readOnly }: { readOnly: boolean }): Connection {
  const translated = <Result>(work: () => Result): Result => translating(file, work);
  const database = translated(() => new DatabaseSync(file, { readOnly, timeout: busyTimeoutMilliseconds }));
  translated(() => {
    if (!readOnly) database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON');
    database.exec('PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY');
  });
  const statements = new Map<string, Prepared>();

  function prepare(sql: string): Prepared {
    let prepared = statements.get(sql);
    if (!prepared) {
      const statement = database.prepare(sql);
      statement.setReturnArrays(true);
      prepared = { statement, columns: statement.columns().map(({ name }) => name) };
      statements.set(sql, prepared);
    }
    return prepared;
  }

  function rowsOf({ sql, values }: Statement): readonly Row[] {
    const { statement, columns } = prepare(sql);
    const rows = statement.all(...values) as unknown as readonly (readonly Value[])[];
    return rows.map((row) => named(columns, row));
  }

  return {
    drive(query) {
      try {
        let step = query.next(noRows);
        while (!step.done) step = query.next(rowsOf(step.value));
        return step.value;
      } catch (error) {
        throw toMetadataError(file, error);
      }
    },
    execute: (sql) => translated(() => database.exec(sql)),
    close: () => database.close(),
  };
}

/** SQLite's result codes; https://www.sqlite.org/rescode.html */
const unavailableCodes = new Set([5, 6, 10, 14]); // BUSY, LOCKED, IOERR, CANTOPEN
const deniedCodes = new Set([3, 8]); // PERM, READONLY
const damagedCodes = new Set([11, 26]); // CORRUPT, NOTADB
const fullCode = 13;
const constraintCode = 19;

/** Runs `work` and translates errors of the database `file` into `MetadataError`. */
export function translating<Result>(file: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    throw toMetadataError(file, error);
  }
}

function toMetadataError(file: string, error: unknown): unknown {
  const code = (error as { errcode?: unknown }).errcode;
  if (typeof code !== 'number') return error;
  const primary = code & 0xff;
  const { message } = error as Error;
  const failure = (kind: MetadataErrorCode, text: string) => new MetadataError(kind, text, { cause: error });
  if (primary === constraintCode && message.includes(frozenMessage)) return failure('read_only', message);
  if (primary === fullCode) return failure('no_space', 'the metadata store has no space left');
  if (damagedCodes.has(primary)) return failure('damaged', damagedMessage(file, message));
  const refusal = deniedCodes.has(primary) || unavailableCodes.has(primary) ? writeRefusal(file) : undefined;
  if (refusal !== undefined) return failure('denied', `${file} cannot be written: ${refusal}`);
  if (deniedCodes.has(primary)) return failure('denied', `${file} cannot be written: ${message}`);
  if (unavailableCodes.has(primary)) return failure('unavailable', `${file}: ${message}`);
  return error;
}

function damagedMessage(file: string, reason: string): string {
  return (
    `${file} is damaged or is not a database of berth (${reason}). Stop berth and restore the file from a backup, together ` +
    `with its -wal file; or save what can be read: sqlite3 ${file} .recover | sqlite3 new.sqlite, and put new.sqlite in its place`
  );
}

/** Returns the operating system's message why the file or its folder cannot be written; undefined if they can be written. */
export function writeRefusal(file: string): string | undefined {
  for (const path of [dirname(file), file]) {
    try {
      accessSync(path, constants.W_OK);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT') return message;
    }
  }
  return undefined;
}
