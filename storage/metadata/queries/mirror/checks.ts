import { type Query, concurrentWrite, first, read, run } from '../steps/query.ts';

/** One-time images that show whether a client uses this server. Times are milliseconds since 1970. */

/** A pull of a one-time image. */
export interface CheckUse {
  /** The client's name and version. */
  readonly client: string;
  readonly address: string;
  /** The upstream whose name the client used; '' for a name of this registry. */
  readonly upstream: string;
}

export interface CheckRecord {
  readonly expiresAt: number;
  /** Undefined before the first pull. */
  readonly use: (CheckUse & { readonly at: number }) | undefined;
}

/** Adds a code, and forgets those that have expired. False if the owner has `most` codes already. */
export const add = concurrentWrite(function* (
  code: string,
  owner: string,
  expiresAt: number,
  now: number,
  most: number,
): Query<boolean> {
  yield* run('DELETE FROM client_checks WHERE expires_at < ?', now);
  if (yield* first('SELECT 1 FROM client_checks WHERE owner = ? LIMIT 1 OFFSET ?', owner, most - 1)) return false;
  yield* run('INSERT INTO client_checks (code, owner, expires_at) VALUES (?, ?, ?)', code, owner, expiresAt);
  return true;
});

/** Finds a code of the owner that has not expired. */
export const find = read(function* (code: string, owner: string, now: number): Query<CheckRecord | undefined> {
  const row = yield* first<{ expiresAt: number; usedAt: number | null } & CheckUse>(
    `SELECT expires_at AS "expiresAt", used_at AS "usedAt", client AS "client", address AS "address", upstream AS "upstream"
       FROM client_checks WHERE code = ? AND owner = ? AND expires_at > ?`,
    code,
    owner,
    now,
  );
  if (!row) return undefined;
  const { expiresAt, usedAt, client, address, upstream } = row;
  return { expiresAt, use: usedAt === null ? undefined : { at: usedAt, client, address, upstream } };
});

/** True if there is such a code that has not expired. */
export const isValid = read(function* (code: string, now: number): Query<boolean> {
  return (yield* first('SELECT 1 FROM client_checks WHERE code = ? AND expires_at > ?', code, now)) !== undefined;
});

/** Records a pull of a code, unless there was one. */
export const use = concurrentWrite(function* (code: string, { client, address, upstream }: CheckUse, now: number): Query<void> {
  yield* run(
    'UPDATE client_checks SET used_at = ?, client = ?, address = ?, upstream = ? WHERE code = ? AND used_at IS NULL',
    ...[now, client, address, upstream, code],
  );
});
