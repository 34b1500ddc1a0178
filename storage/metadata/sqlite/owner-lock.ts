import { mkdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** Keeps other processes from owning the same files. */
export interface OwnerLock {
  /** Idempotent. */
  release(): void;
}

/** Another process owns the files. */
export class AlreadyOwned extends Error {
  override readonly name = 'AlreadyOwned';
  readonly code = 'ALREADY_OWNED';
}

/** A process that is just ending may still hold the lock. */
const waitMilliseconds = 1_000;

const busyCode = 5;

/**
 * Locks `lockFile`, which is created where there is none, until `release` or until this process ends, however it ends:
 * Node.js has no flock(2), so the lock is SQLite's write lock on a database in which the owner has left its process id.
 * Readers may read it meanwhile. Throws `AlreadyOwned`, whose message names `what` and the other process.
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
    // The process id needs no durability: it is of use only while the process runs.
    database.exec('PRAGMA journal_mode = DELETE; PRAGMA synchronous = OFF');
    database.exec('BEGIN IMMEDIATE; CREATE TABLE IF NOT EXISTS owner (pid INTEGER, host TEXT); DELETE FROM owner');
    database.prepare('INSERT INTO owner (pid, host) VALUES (?, ?)').run(process.pid, hostname());
    // Between these two another process can take the lock: then this one finds it taken.
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
