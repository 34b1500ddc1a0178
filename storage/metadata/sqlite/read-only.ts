import { DatabaseSync } from 'node:sqlite';
import { tables } from '../tables.ts';

/** The message of the triggers' error, by which `connection.ts` recognizes it. */
export const frozenMessage = 'berth is moving: nothing can be changed';

const changes = ['INSERT', 'UPDATE', 'DELETE'] as const;

/**
 * Makes the file read-only for all processes until `leaveReadOnly`: writes fail with `read_only`. When this returns, the file has
 * every write that was acknowledged before. The file must have the schema of this version.
 */
export function enterReadOnly(file: string): void {
  alter(file, (table, change) => {
    const body = `BEGIN SELECT RAISE(ABORT, '${frozenMessage}'); END`;
    return `CREATE TRIGGER IF NOT EXISTS ${triggerName(table, change)} BEFORE ${change} ON ${table} ${body}`;
  });
}

/** Ends read-only mode. Does nothing if the file is not read-only. */
export function leaveReadOnly(file: string): void {
  alter(file, (table, change) => `DROP TRIGGER IF EXISTS ${triggerName(table, change)}`);
}

function triggerName(table: string, change: string): string {
  return `frozen_${table}_${change.toLowerCase()}`;
}

function alter(file: string, statement: (table: string, change: string) => string): void {
  const database = new DatabaseSync(file, { timeout: 30_000 });
  try {
    const frozen = tables.filter(({ isFrozen }) => isFrozen);
    const statements = frozen.flatMap(({ name }) => changes.map((change) => statement(name, change)));
    database.exec(`BEGIN IMMEDIATE; ${statements.join('; ')}; COMMIT`);
  } finally {
    database.close();
  }
}
