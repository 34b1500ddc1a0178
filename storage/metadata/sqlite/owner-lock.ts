import { mkdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** A lock that only one process can hold for the same files. */
export interface OwnerLock {
  /** Releases the lock. Idempotent. */
  release(): void;
}

/** Another process holds the lock. */
export class AlreadyOwned extends Error {
  override readonly name = 'AlreadyOwned';
  readonly code = 'ALREADY_OWNED';
}

/** Longest wait for a process that is ending. */
const waitMilliseconds = 1_000;

const busyCode = 5;

/**
 * Locks `lockFile`, created if necessary, until `release` or until this process ends, also by a crash. Node.js has no flock(2):
 * the lock is SQLite's write lock on a database with the process id of the owner, which other processes can still read. Throws
 * `AlreadyOwned`, whose message names `what` and the other process.
 */
export function lockOwner(lockFile: string, what: string): OwnerLock {
  mkdirSync(dirname(lockFile), { recursive: true, mode: 0o700 });
  const cannotLock = (error: unknown) =>
    Object.assign(new Error(`cannot lock ${what} by ${lockFile}: ${(error as Error).message}`), { code: 'CANNOT_LOCK' });
  let database: DatabaseSync;
  try {
    database = new DatabaseSync(lockFile, { timeout: waitMilliseconds });
  } catch (error) {
    throw cannotLock(error);
  }
  try {
    // The process id need not be durable: it is valid only while the process runs.
    database.exec('PRAGMA journal_mode = DELETE; PRAGMA synchronous = OFF');
    database.exec('BEGIN IMMEDIATE; CREATE TABLE IF NOT EXISTS owner (pid INTEGER, host TEXT); DELETE FROM owner');
    database.prepare('INSERT INTO owner (pid, host) VALUES (?, ?)').run(process.pid, hostname());
    // If another process takes the lock between these two statements, the second one fails.
    database.exec('COMMIT; BEGIN IMMEDIATE');
  } catch (error) {
    const refusal = isBusy(error) ? new AlreadyOwned(describeOwner(database, what)) : cannotLock(error);
    database.close();
    throw refusal;
  }
  return {
    release() {
      if (database.isOpen) database.close();
    },
  };
}

function isBusy(error: unknown): boolean {
  const { errcode } = error as { errcode?: unknown };
  return typeof errcode === 'number' && (errcode & 0xff) === busyCode;
}

function describeOwner(database: DatabaseSync, what: string): string {
  const advice = 'stop it first, or configure another folder';
  try {
    const owner = database.prepare('SELECT pid, host FROM owner').get();
    return `${what} is in use by process ${String(owner?.['pid'])} on ${String(owner?.['host'])}: ${advice}`;
  } catch {
    return `${what} is in use by another process: ${advice}`;
  }
}
