import pg from 'pg';
import { MetadataError } from '../store.ts';

/** The database did not answer. The request has committed nothing, as far as is known. */
export class ConnectionLost extends MetadataError {
  constructor(cause: unknown) {
    super('unavailable', `PostgreSQL does not answer: ${messageOf(cause)}`, { cause });
  }
}

/** Returns the message; those of all addresses if a connection to several addresses failed. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join(', ');
  return error instanceof Error ? error.message : String(error);
}

/** Sends a request to the database. Throws `ConnectionLost`, or the error of the database. */
export async function asking<Result>(request: () => Promise<Result>): Promise<Result> {
  try {
    return await request();
  } catch (error) {
    if (error instanceof pg.DatabaseError && !endsConnection(error)) throw error;
    throw new ConnectionLost(error);
  }
}

/** True if the server ends or refuses connections: class 08, and 57P01–57P03 while it stops or starts. */
function endsConnection({ code = '' }: pg.DatabaseError): boolean {
  return code.startsWith('08') || code === '57P01' || code === '57P02' || code === '57P03';
}

/** True if the database has rolled the transaction back because of a conflict with another one. */
export function isConflict(error: unknown): boolean {
  return error instanceof pg.DatabaseError && (error.code === '40001' || error.code === '40P01');
}

/**
 * Class 53: out of resources. 57014: statement timeout. 55P03: lock timeout. 25006: a read-only standby. 28, 3D: no such
 * login or database.
 */
const unavailable = /^(?:53|57014|55P03|25006|25P03|28|3D|40)/;
const diskFull = '53100';

/** Translates an error of the database into a `MetadataError`; returns defects of berth unchanged. */
export function toMetadataError(error: unknown): unknown {
  if (!(error instanceof pg.DatabaseError) || error.code === undefined) return error;
  if (error.code === diskFull) return new MetadataError('no_space', 'PostgreSQL has no space left', { cause: error });
  if (unavailable.test(error.code)) return new MetadataError('unavailable', `PostgreSQL: ${error.message}`, { cause: error });
  return error;
}
