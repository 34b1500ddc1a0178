import { closeSync, openSync, readSync } from 'node:fs';
import { resolve } from 'node:path';
import { connect } from './connection.ts';

/** Remembers the results of reads until the database changes, whichever thread or process changes it. */
export interface ReadMemory {
  /**
   * Returns the result of `read`, or the one that it had under this key before if the database has not changed since. A result of
   * `undefined` is not remembered: clients can ask for any number of names that do not exist.
   */
  recall<Result>(key: string, read: () => Result): Result;
  /** Ends the memory, once the connections of its store are closed. */
  close(): void;
}

/**
 * The header of the WAL index, which SQLite keeps twice at the start of the file (https://www.sqlite.org/walformat.html, section
 * 2.1). Every commit changes it before it returns: it has a counter of commits, the number of frames and their checksum.
 * SQLite compares the same bytes to find out whether its own page cache is still valid.
 */
const headerBytes = 96;

/** Bounds the memory: a key and its result take about 1 KiB. */
export const mostResults = 4096;

/**
 * Files of WAL indexes that this process has open, by path. Closing one releases the locks that all connections of the process
 * hold on the file (https://www.sqlite.org/howtocorrupt.html, section 2.2), so the last memory closes it, after its connections.
 */
const walIndexes = new Map<string, { readonly descriptor: number; memories: number }>();

/**
 * Creates the memory of a database in WAL mode that this process has open; undefined where commits cannot be seen in the file of
 * the WAL index. Reading the header is a fifth of the time of a lookup, most of which goes into the locks of a read transaction.
 */
export function createReadMemory(file: string): ReadMemory | undefined {
  const path = `${resolve(file)}-shm`;
  const walIndex = walIndexes.get(path) ?? openIfThere(path);
  if (!walIndex) return undefined;
  walIndexes.set(path, walIndex);
  const { descriptor } = walIndex;
  const current = Buffer.alloc(headerBytes);
  const remembered = Buffer.alloc(headerBytes);
  const results = new Map<string, unknown>();

  function forgetIfChanged(): void {
    readSync(descriptor, current, 0, headerBytes, 0);
    if (current.equals(remembered)) return;
    current.copy(remembered);
    results.clear();
  }

  forgetIfChanged();
  if (!commitNothing(file)) return undefined;
  readSync(descriptor, current, 0, headerBytes, 0);
  if (current.equals(remembered)) return undefined;

  walIndex.memories++;
  return {
    recall<Result>(key: string, read: () => Result): Result {
      forgetIfChanged();
      const known = results.get(key);
      if (known !== undefined) return known as Result;
      // A commit from here on changes the header, so that this result is forgotten.
      const result = read();
      if (result === undefined) return result;
      if (results.size >= mostResults) results.clear();
      results.set(key, result);
      return result;
    },

    close() {
      if (--walIndex.memories > 0) return;
      walIndexes.delete(path);
      closeSync(descriptor);
    },
  };
}

function openIfThere(path: string) {
  try {
    return { descriptor: openSync(path, 'r'), memories: 0 };
  } catch {
    return undefined;
  }
}

/**
 * Commits a transaction that changes no row, to see whether the header shows it: some file systems keep two copies of a file's
 * pages. False if the disk is full or read-only.
 */
function commitNothing(file: string): boolean {
  const connection = connect(file, { readOnly: false });
  try {
    // Without a checkpoint, which needs what is in the log to be synced.
    connection.execute('PRAGMA wal_autocheckpoint = 0; PRAGMA synchronous = NORMAL; PRAGMA user_version = 0');
    return true;
  } catch {
    return false;
  } finally {
    connection.close();
  }
}
