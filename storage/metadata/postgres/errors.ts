import pg from 'pg';
import { MetadataError } from '../store.ts';

/** The database did not answer. Nothing is known to have been committed by what was asked. */
export class ConnectionLost extends MetadataError {
  constructor(cause: unknown) {
    super('unavailable', `PostgreSQL does not answer: ${messageOf(cause)}`, { cause });
  }
}

/** A failed connection attempt to several addresses has its messages inside. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join(', ');
  return error instanceof Error ? error.message : String(error);
}

/** Asks the database. Throws `ConnectionLost`, or the database's own error. */
export async function asking<Result>(question: () => Promise<Result>): Promise<Result> {
  try {
    return await question();
  } catch (error) {
    if (error instanceof pg.DatabaseError && !saysGoodbye(error)) throw error;
    throw new ConnectionLost(error);
  }
}

/** The server ends the connection, or takes none: class 08, and 57P01–57P03 when it stops or starts. */
function saysGoodbye({ code = '' }: pg.DatabaseError): boolean {
  return code.startsWith('08') || code === '57P01' || code === '57P02' || code === '57P03';
}

/** Two transactions stood in each other's way, and this one gave way: nothing of it was done. */
export function isConflict(error: unknown): boolean {
  return error instanceof pg.DatabaseError && (error.code === '40001' || error.code === '40P01');
}

/** Class 53: out of something. 57014: statement time-out. 55P03: lock time-out. 25006: a standby that only reads. 28, 3D: no such login or database. */
const unavailable = /^(?:53|57014|55P03|25006|25P03|28|3D|40)/;
const diskFull = '53100';

/** `error` in the contract's form, or itself where it is a defect of berth. */
export function toMetadataError(error: unknown): unknown {
  if (!(error instanceof pg.DatabaseError) || error.code === undefined) return error;
  if (error.code === diskFull) return new MetadataError('no_space', 'PostgreSQL has no space left', { cause: error });
  if (unavailable.test(error.code)) return new MetadataError('unavailable', `PostgreSQL: ${error.message}`, { cause: error });
  return error;
}
