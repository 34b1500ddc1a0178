import { type Query, type Row, all, decoder, first, read, run, write } from './steps/query.ts';
import { type AuditEvent, recordAccessChange } from './steps/events.ts';
import { type CreatedAccount, claimNamespace, withObstacle } from './namespaces.ts';

/**
 * Users and robots. Every change is recorded in the audit log by the same transaction, and raises the rights version where it
 * grants or revokes a right. Times are milliseconds since 1970.
 */

export interface AccountRecord {
  readonly id: number;
  readonly kind: 'user' | 'robot';
  readonly name: string;
  readonly passwordHash: string | null;
  readonly isAdmin: boolean;
  readonly isDisabled: boolean;
  readonly expiresAt: number | null;
  readonly generation: number;
  readonly createdAt: number;
}

export interface NewAccount {
  readonly kind: 'user' | 'robot';
  readonly name: string;
  readonly passwordHash: string | null;
  readonly isAdmin: boolean;
  readonly expiresAt: number | null;
  /** True if the account shall own the repositories below its name. */
  readonly wantsNamespace: boolean;
}

const toAccount = decoder<AccountRecord>('isAdmin', 'isDisabled');

const accountColumns = `id AS "id", kind AS "kind", name AS "name", password_hash AS "passwordHash", is_admin AS "isAdmin",
  is_disabled AS "isDisabled", expires_at AS "expiresAt", generation AS "generation", created_at AS "createdAt"`;

export const hasAdmin = read(function* (): Query<boolean> {
  return (yield* first('SELECT 1 FROM accounts WHERE is_admin = 1 LIMIT 1')) !== undefined;
});

export const find = read(function* (id: number): Query<AccountRecord | undefined> {
  const row = yield* first<Row>(`SELECT ${accountColumns} FROM accounts WHERE id = ?`, id);
  return row && toAccount(row);
});

export const findByName = read(function* (name: string): Query<AccountRecord | undefined> {
  const row = yield* first<Row>(`SELECT ${accountColumns} FROM accounts WHERE name = ?`, name);
  return row && toAccount(row);
});

/**
 * Returns the cost (log2 of the rounds) of the most expensive bcrypt password of all accounts; undefined where no account
 * has one.
 */
export const largestBcryptCost = read(function* (): Query<number | undefined> {
  const row = yield* first<{ cost: string }>(
    `SELECT substr(password_hash, 5, 2) AS "cost" FROM accounts WHERE substr(password_hash, 1, 2) = '$2'
     ORDER BY substr(password_hash, 5, 2) DESC LIMIT 1`,
  );
  return row && Number(row.cost);
});

/** Accounts of one kind after the name `after` (exclusive), ascending. */
export const list = read(function* (kind: 'user' | 'robot', after: string, limit: number): Query<readonly AccountRecord[]> {
  const page = 'WHERE kind = ? AND name > ? ORDER BY name LIMIT ?';
  return (yield* all<Row>(`SELECT ${accountColumns} FROM accounts ${page}`, kind, after, limit)).map(toAccount);
});

/** Returns the account of the issuer's `subject`. */
export const findBySubject = read(function* (issuer: string, subject: string): Query<number | undefined> {
  const row = yield* first<{ accountId: number }>(
    'SELECT account_id AS "accountId" FROM oidc_subjects WHERE issuer = ? AND subject = ?',
    issuer,
    subject,
  );
  return row?.accountId;
});

/** Returns undefined if an account has the name, regardless of case. */
function* insertAccount(account: NewAccount, now: number): Query<CreatedAccount | undefined> {
  const { kind, name, passwordHash, isAdmin, expiresAt, wantsNamespace } = account;
  if (yield* first('SELECT 1 FROM accounts WHERE lower(name) = lower(?)', name)) return undefined;
  const row = yield* first<{ id: number }>(
    `INSERT INTO accounts (kind, name, password_hash, is_admin, expires_at, created_at) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT (name) DO NOTHING RETURNING id AS "id"`,
    kind,
    name,
    passwordHash,
    isAdmin ? 1 : 0,
    expiresAt,
    now,
  );
  if (!row) return undefined;
  return { id: row.id, obstacle: wantsNamespace ? yield* claimNamespace(name, row.id) : undefined };
}

/** Creates an account and returns it; undefined if the name is taken. */
export const create = write(function* (account: NewAccount, event: AuditEvent): Query<CreatedAccount | undefined> {
  const created = yield* insertAccount(account, event.at);
  if (created) yield* recordAccessChange(withObstacle(event, created.obstacle));
  return created;
});

/**
 * Creates the first admin, or makes the existing user of that name one. False if there is an admin already: then changes
 * nothing.
 */
export const createFirstAdmin = write(function* (
  name: string,
  passwordHash: string,
  event: AuditEvent,
  wantsNamespace = false,
): Query<boolean> {
  if (yield* first('SELECT 1 FROM accounts WHERE is_admin = 1 LIMIT 1')) return false;
  const account = { kind: 'user', name, passwordHash, isAdmin: true, expiresAt: null, wantsNamespace } as const;
  const created = yield* insertAccount(account, event.at);
  if (!created) {
    yield* run(
      `UPDATE accounts SET kind = 'user', is_admin = 1, is_disabled = 0, expires_at = NULL, password_hash = ?,
         generation = generation + 1 WHERE lower(name) = lower(?)`,
      passwordHash,
      name,
    );
  }
  yield* recordAccessChange(withObstacle(event, created?.obstacle));
  return true;
});

/** Changes the password and ends all sessions and refresh tokens of the account. Personal access tokens stay. */
export const setPassword = write(function* (accountId: number, passwordHash: string, event: AuditEvent): Query<void> {
  yield* run('UPDATE accounts SET password_hash = ?, generation = generation + 1 WHERE id = ?', passwordHash, accountId);
  yield* run(`DELETE FROM access_tokens WHERE account_id = ? AND kind IN ('refresh', 'session')`, accountId);
  yield* recordAccessChange(event);
});

/** Replaces the hash of an unchanged password. Does nothing if the hash is no longer `oldHash`. */
export const rehashPassword = write(function* (accountId: number, oldHash: string, newHash: string): Query<void> {
  yield* run('UPDATE accounts SET password_hash = ? WHERE id = ? AND password_hash = ?', newHash, accountId, oldHash);
});

/**
 * Disables or enables the account. Disabling ends its sessions and refresh tokens for good. False if it is the last admin: then
 * changes nothing.
 */
export const setDisabled = write(function* (accountId: number, isDisabled: boolean, event: AuditEvent): Query<boolean> {
  if (isDisabled && (yield* isLastAdmin(accountId))) return false;
  yield* run('UPDATE accounts SET is_disabled = ?, generation = generation + 1 WHERE id = ?', isDisabled ? 1 : 0, accountId);
  yield* run(`DELETE FROM access_tokens WHERE account_id = ? AND kind IN ('refresh', 'session')`, accountId);
  yield* recordAccessChange(event);
  return true;
});

/**
 * Changes when the account expires (milliseconds since 1970; null: never). Secrets that were to expire with it, as that of a new
 * robot, get the same time; those with a time of their own keep it.
 */
export const setExpiry = write(function* (accountId: number, expiresAt: number | null, event: AuditEvent): Query<void> {
  yield* run(
    `UPDATE access_tokens SET expires_at = ? WHERE account_id = ? AND kind = 'robot' AND
       COALESCE(expires_at, 0) = (SELECT COALESCE(expires_at, 0) FROM accounts WHERE id = ?)`,
    expiresAt,
    accountId,
    accountId,
  );
  yield* run('UPDATE accounts SET expires_at = ?, generation = generation + 1 WHERE id = ?', expiresAt, accountId);
  yield* recordAccessChange(event);
});

/** Makes the account an admin or an ordinary user. False if it is the last admin: then changes nothing. */
export const setAdmin = write(function* (accountId: number, isAdmin: boolean, event: AuditEvent): Query<boolean> {
  if (!isAdmin && (yield* isLastAdmin(accountId))) return false;
  yield* run('UPDATE accounts SET is_admin = ? WHERE id = ?', isAdmin ? 1 : 0, accountId);
  yield* recordAccessChange(event);
  return true;
});

function* isLastAdmin(accountId: number): Query<boolean> {
  const others = 'SELECT 1 FROM accounts WHERE is_admin = 1 AND is_disabled = 0 AND id <> ? LIMIT 1';
  const itself = 'SELECT 1 FROM accounts WHERE is_admin = 1 AND id = ?';
  return (yield* first(itself, accountId)) !== undefined && (yield* first(others, accountId)) === undefined;
}

/** Deletes the account with its tokens, memberships and grants. False if it is the last admin: then changes nothing. */
export const remove = write(function* (accountId: number, event: AuditEvent): Query<boolean> {
  if (yield* isLastAdmin(accountId)) return false;
  yield* run('DELETE FROM grants WHERE subject = ?', `account:${accountId}`);
  yield* orphanNamespace(accountId, event.at);
  yield* run('DELETE FROM accounts WHERE id = ?', accountId);
  yield* recordAccessChange(event);
  return true;
});

/** Reserves the namespace of a deleted account: later accounts of that name do not own it. */
export function* orphanNamespace(accountId: number, now: number): Query<void> {
  yield* run('UPDATE namespaces SET account_id = NULL, deleted_at = ? WHERE account_id = ?', now, accountId);
}

/**
 * Creates an account for the issuer's `subject`: a user without a password. Returns the account; the subject's existing one, with
 * no obstacle, if it has one; undefined if another account has the name.
 */
export const createForSubject = write(function* (
  name: string,
  issuer: string,
  subject: string,
  event: AuditEvent,
  wantsNamespace = false,
): Query<CreatedAccount | undefined> {
  const existing = yield* findBySubject(issuer, subject);
  if (existing !== undefined) return { id: existing, obstacle: undefined };
  const account = { kind: 'user', name, passwordHash: null, isAdmin: false, expiresAt: null, wantsNamespace } as const;
  const created = yield* create(account, event);
  if (!created) return undefined;
  yield* run(
    'INSERT INTO oidc_subjects (issuer, subject, account_id, created_at) VALUES (?, ?, ?, ?)',
    issuer,
    subject,
    created.id,
    event.at,
  );
  return created;
});
