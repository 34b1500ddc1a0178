import { DatabaseSync } from 'node:sqlite';

/** How the database says it; `connection.ts` tells it from other failures. */
export const frozenMessage = 'berth is moving: nothing can be changed';

/** What may go on meanwhile, because it need not arrive: who does what, and uploads that are not finished. */
const untouched = new Set(['leases', 'uploads', 'schema_migrations']);
const changes = ['INSERT', 'UPDATE', 'DELETE'] as const;

/**
 * Keeps every process from changing the file, from now on and until `thaw`: writes fail as `read_only`. Whatever was
 * acknowledged before is in the file when this returns. For the moment in which an installation moves elsewhere.
 */
export function enterReadOnly(file: string): void {
  alter(file, (table, change) => {
    const body = `BEGIN SELECT RAISE(ABORT, '${frozenMessage}'); END`;
    return `CREATE TRIGGER IF NOT EXISTS ${triggerName(table, change)} BEFORE ${change} ON ${table} ${body}`;
  });
}

/** Takes `freeze` back. Does nothing to a file that is not frozen. */
export function leaveReadOnly(file: string): void {
  alter(file, (table, change) => `DROP TRIGGER IF EXISTS ${triggerName(table, change)}`);
}

function triggerName(table: string, change: string): string {
  return `frozen_${table}_${change.toLowerCase()}`;
}

function alter(file: string, statement: (table: string, change: string) => string): void {
  const database = new DatabaseSync(file, { timeout: 30_000 });
  try {
    const tables = tableNames(database).filter((table) => !untouched.has(table));
    const statements = tables.flatMap((table) => changes.map((change) => statement(table, change)));
    database.exec(`BEGIN IMMEDIATE; ${statements.join('; ')}; COMMIT`);
  } finally {
    database.close();
  }
}

/** In the order of their making: each after those that it refers to. */
export function tableNames(database: DatabaseSync): readonly string[] {
  const rows = database
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY rowid")
    .all();
  return rows.map(({ name }) => String(name));
}
