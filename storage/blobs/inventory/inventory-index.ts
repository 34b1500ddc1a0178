import { rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type { InventoryEntry } from './read-file.ts';

/**
 * The entries of an inventory in the order of a listing: an inventory has none. A database in a file of its own, so that memory
 * does not grow with the inventory, and that files which were read are not read again after an interruption.
 */
export interface InventoryIndex {
  /** True if all entries of the file are there. */
  hasFile(key: string): boolean;
  /** Adds the entries that `read` passes on, and marks the file, or changes nothing if `read` rejects. */
  addFile(key: string, read: (add: (entry: InventoryEntry) => void) => Promise<void>): Promise<void>;
  /** Returns at most `limit` entries that begin with `prefix`, behind `after` (exclusive), ascending by bytes. */
  list(prefix: string, after: string, limit: number): readonly InventoryEntry[];
  close(): void;
}

const schema = `
  CREATE TABLE IF NOT EXISTS inventory (id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS files (key TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS entries (path TEXT PRIMARY KEY, size_bytes INTEGER, modified_at INTEGER) STRICT, WITHOUT ROWID;
`;

/** Larger than any other path with the prefix. */
const end = '\u{10ffff}';

interface EntryRow {
  readonly path: string;
  readonly sizeBytes: number | null;
  readonly modifiedAt: number | null;
}

/**
 * Opens the index in `file`, or creates it. `id` names the inventory: entries of another one are deleted. A damaged index is
 * deleted and begun again.
 */
export function openInventoryIndex(file: string, id: string): InventoryIndex {
  try {
    return openIndex(file, id);
  } catch (error) {
    if (!isDamage(error)) throw error;
    for (const suffix of ['', '-journal']) rmSync(file + suffix, { force: true });
    return openIndex(file, id);
  }
}

/** SQLITE_CORRUPT and SQLITE_NOTADB, without their extended codes (https://www.sqlite.org/rescode.html). */
const damageCodes: ReadonlySet<number> = new Set([11, 26]);

function isDamage(error: unknown): boolean {
  return damageCodes.has(Number((error as { readonly errcode?: unknown }).errcode) & 0xff);
}

function openIndex(file: string, id: string): InventoryIndex {
  const database = new DatabaseSync(file);
  try {
    return useIndex(database, id);
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Throws an error of SQLite if the database is damaged. */
function assertSound(database: DatabaseSync): void {
  const found = database.prepare('PRAGMA quick_check(1)').get()?.['quick_check'];
  if (found !== 'ok') throw Object.assign(new Error(`the index of the inventory is damaged: ${String(found)}`), { errcode: 11 });
}

function useIndex(database: DatabaseSync, id: string): InventoryIndex {
  // After a power failure no file may be marked without its entries.
  database.exec(`PRAGMA synchronous = NORMAL; ${schema}`);
  assertSound(database);
  if (!database.prepare('SELECT 1 FROM inventory WHERE id = ?').get(id)) {
    database.exec('BEGIN; DELETE FROM inventory; DELETE FROM files; DELETE FROM entries');
    database.prepare('INSERT INTO inventory (id) VALUES (?)').run(id);
    database.exec('COMMIT');
  }
  const found = database.prepare('SELECT 1 FROM files WHERE key = ?');
  const mark = database.prepare('INSERT INTO files (key) VALUES (?)');
  const insert = database.prepare('INSERT OR REPLACE INTO entries (path, size_bytes, modified_at) VALUES (?, ?, ?)');
  const select = database.prepare(
    `SELECT path, size_bytes AS sizeBytes, modified_at AS modifiedAt FROM entries
      WHERE path >= ? AND path < ? AND path > ? ORDER BY path LIMIT ?`,
  );
  return {
    hasFile: (key) => found.get(key) !== undefined,
    async addFile(key, read) {
      database.exec('BEGIN');
      try {
        await read(({ path, sizeBytes, modifiedAt }) => void insert.run(path, sizeBytes ?? null, modifiedAt ?? null));
        mark.run(key);
        database.exec('COMMIT');
      } catch (error) {
        // SQLite itself has rolled back after some errors, such as a full disk.
        if (database.isTransaction) database.exec('ROLLBACK');
        throw error;
      }
    },
    list(prefix, after, limit) {
      const rows = select.all(prefix, prefix + end, after, limit) as unknown as readonly EntryRow[];
      return rows.map(({ path, sizeBytes, modifiedAt }) => {
        return { path, sizeBytes: sizeBytes ?? undefined, modifiedAt: modifiedAt ?? undefined };
      });
    },
    close() {
      if (database.isOpen) database.close();
    },
  };
}
