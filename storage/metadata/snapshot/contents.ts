import { tables } from '../tables.ts';

/** Tables that a snapshot leaves empty although they are transferred: secrets that are made anew. */
const leftOut: readonly string[] = ['signing_keys'];

/** The tables of a snapshot. A table comes after those that it references. */
export const snapshotTables: readonly string[] = tables
  .filter(({ name, isTransferred }) => isTransferred && !leftOut.includes(name))
  .map(({ name }) => name);

/** The tables that are empty in a snapshot. */
export const emptyTables: readonly string[] = tables
  .map(({ name }) => name)
  .filter((name) => name !== 'schema_migrations' && !snapshotTables.includes(name));
