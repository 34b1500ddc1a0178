import { type Query, all, concurrentWrite, first, read, run, write } from './steps/query.ts';
import { type AuditEvent, record, recordAccessChange } from './steps/events.ts';

/** Access tokens: personal ones, secrets of robots, refresh tokens and sessions. Times are milliseconds since 1970. */

export interface AccessTokenRecord {
  readonly id: string;
  readonly kind: 'personal' | 'robot' | 'refresh' | 'session';
  readonly accountId: number;
  readonly name: string;
  /** JSON, or null where nothing is taken away. */
  readonly scopes: string | null;
  readonly createdAt: number;
  readonly expiresAt: number | null;
  readonly lastUsedAt: number | null;
}

export interface NewAccessToken {
  readonly id: string;
  readonly kind: 'personal' | 'robot' | 'refresh' | 'session';
  readonly accountId: number;
  readonly name: string;
  readonly secretHash: string;
  /** JSON, or null where nothing is taken away. */
  readonly scopes: string | null;
  readonly expiresAt: number | null;
}

const tokenColumns = `id AS "id", kind AS "kind", account_id AS "accountId", name AS "name", scopes AS "scopes",
  created_at AS "createdAt", expires_at AS "expiresAt", last_used_at AS "lastUsedAt"`;

export const findByHash = read(function* (secretHash: string): Query<AccessTokenRecord | undefined> {
  return yield* first<AccessTokenRecord>(`SELECT ${tokenColumns} FROM access_tokens WHERE secret_hash = ?`, secretHash);
});

export const find = read(function* (id: string): Query<AccessTokenRecord | undefined> {
  return yield* first<AccessTokenRecord>(`SELECT ${tokenColumns} FROM access_tokens WHERE id = ?`, id);
});

export const list = read(function* (accountId: number): Query<readonly AccessTokenRecord[]> {
  const order = 'ORDER BY kind, created_at';
  return yield* all<AccessTokenRecord>(`SELECT ${tokenColumns} FROM access_tokens WHERE account_id = ? ${order}`, accountId);
});

/** Creates a secret. The rights version stays, because no right is revoked. */
export const create = concurrentWrite(function* (token: NewAccessToken, event: AuditEvent): Query<void> {
  yield* run(
    `INSERT INTO access_tokens (id, kind, account_id, name, secret_hash, scopes, created_at, expires_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    token.id,
    token.kind,
    token.accountId,
    token.name,
    token.secretHash,
    token.scopes,
    event.at,
    token.expiresAt,
  );
  yield* record(event);
});

/** Keeps only the `keep` newest tokens of a kind that clients collect without anybody looking. */
export const trim = write(function* (accountId: number, kind: 'refresh' | 'session', keep: number): Query<void> {
  yield* run(
    `DELETE FROM access_tokens WHERE account_id = ? AND kind = ? AND id NOT IN
       (SELECT id FROM access_tokens WHERE account_id = ? AND kind = ?
         ORDER BY coalesce(last_used_at, created_at) DESC, id LIMIT ?)`,
    accountId,
    kind,
    accountId,
    kind,
    keep,
  );
});

export const remove = write(function* (id: string, event: AuditEvent): Query<void> {
  yield* run('DELETE FROM access_tokens WHERE id = ?', id);
  yield* recordAccessChange(event);
});

/** Drops tokens that have expired before `now`. */
export const prune = write(function* (now: number): Query<void> {
  yield* run('DELETE FROM access_tokens WHERE expires_at IS NOT NULL AND expires_at < ?', now);
});

/** Records that a token was used, and the login that this was if `login` is given. */
export const touch = concurrentWrite(function* (id: string, now: number, login?: AuditEvent): Query<void> {
  yield* run('UPDATE access_tokens SET last_used_at = ? WHERE id = ?', now, id);
  if (login) yield* record(login);
});
