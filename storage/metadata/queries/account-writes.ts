import { type Query, first, run } from './query.ts';
import { type AuditEvent, changed } from './audit-steps.ts';
import type { NamespaceObstacle } from './namespace-reads.ts';
import { claimNamespace, forgetNamespace, namespaceOwner, orphanNamespace } from './namespace-steps.ts';

/**
 * What can be changed about accounts. Every change is recorded in the audit log by the same transaction, and raises the
 * epoch where it takes or gives a right. Times are milliseconds since 1970.
 */

export interface NewAccount {
  readonly kind: 'user' | 'robot';
  readonly name: string;
  readonly passwordHash: string | null;
  readonly isAdmin: boolean;
  readonly expiresAt: number | null;
  /** Whether the account shall own the repositories below its name. */
  readonly wantsNamespace: boolean;
}

export interface CreatedAccount {
  readonly id: number;
  /** Why the account does not own the repositories below its name, although it wants to. */
  readonly obstacle: NamespaceObstacle | undefined;
}

/** Returns undefined where an account has the name already, in whichever case. */
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

/** Returns the new account; undefined where the name is taken. */
export function* createAccount(account: NewAccount, event: AuditEvent): Query<CreatedAccount | undefined> {
  const created = yield* insertAccount(account, event.at);
  if (created) yield* changed(withObstacle(event, created.obstacle));
  return created;
}

function withObstacle(event: AuditEvent, obstacle: NamespaceObstacle | undefined): AuditEvent {
  if (obstacle === undefined) return event;
  const detail = event.detail === undefined ? {} : (JSON.parse(event.detail) as object);
  return { ...event, detail: JSON.stringify({ ...detail, noNamespace: obstacle }) };
}

/** Creates the account unless there is an admin already, and says whether it did. An existing user of that name becomes it. */
export function* createFirstAdmin(name: string, passwordHash: string, event: AuditEvent, wantsNamespace = false): Query<boolean> {
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
  yield* changed(withObstacle(event, created?.obstacle));
  return true;
}

export interface ReleasedNamespace {
  /** False where no deleted account of that name is remembered. */
  readonly wasRemembered: boolean;
  /** The user of that name, who owns the namespace now unless there is an obstacle. */
  readonly account: CreatedAccount | undefined;
}

/**
 * Lets the name of a deleted account own a namespace again: the user who has the name now, or one that is created later.
 * Returns undefined where a user owns the namespace already.
 */
export function* releaseNamespace(name: string, event: AuditEvent): Query<ReleasedNamespace | undefined> {
  if ((yield* namespaceOwner(name)) !== undefined) return undefined;
  const wasRemembered = yield* forgetNamespace(name);
  const user = yield* first<{ id: number }>(`SELECT id AS "id" FROM accounts WHERE name = ? AND kind = 'user'`, name);
  const account = user && { id: user.id, obstacle: yield* claimNamespace(name, user.id) };
  if (wasRemembered || (account && account.obstacle === undefined)) yield* changed(withObstacle(event, account?.obstacle));
  return { wasRemembered, account };
}

/** Changes the password and ends everything that the old one has opened. Personal access tokens stay. */
export function* setPassword(accountId: number, passwordHash: string, event: AuditEvent): Query<void> {
  yield* run('UPDATE accounts SET password_hash = ?, generation = generation + 1 WHERE id = ?', passwordHash, accountId);
  yield* run(`DELETE FROM access_tokens WHERE account_id = ? AND kind IN ('refresh', 'session')`, accountId);
  yield* changed(event);
}

/** The same password in another form. Does nothing where it is no longer `oldHash`. */
export function* rehashPassword(accountId: number, oldHash: string, newHash: string): Query<void> {
  yield* run('UPDATE accounts SET password_hash = ? WHERE id = ? AND password_hash = ?', newHash, accountId, oldHash);
}

/**
 * Disabling ends everything that the account has opened; nothing of it comes back by enabling. False where it is the last
 * admin that could let others in.
 */
export function* setDisabled(accountId: number, isDisabled: boolean, event: AuditEvent): Query<boolean> {
  if (isDisabled && (yield* isLastAdmin(accountId))) return false;
  yield* run('UPDATE accounts SET is_disabled = ?, generation = generation + 1 WHERE id = ?', isDisabled ? 1 : 0, accountId);
  yield* run(`DELETE FROM access_tokens WHERE account_id = ? AND kind IN ('refresh', 'session')`, accountId);
  yield* changed(event);
  return true;
}

/** False where the account is the last admin: somebody must be able to let others in. */
export function* setAdmin(accountId: number, isAdmin: boolean, event: AuditEvent): Query<boolean> {
  if (!isAdmin && (yield* isLastAdmin(accountId))) return false;
  yield* run('UPDATE accounts SET is_admin = ? WHERE id = ?', isAdmin ? 1 : 0, accountId);
  yield* changed(event);
  return true;
}

function* isLastAdmin(accountId: number): Query<boolean> {
  const others = 'SELECT 1 FROM accounts WHERE is_admin = 1 AND is_disabled = 0 AND id <> ? LIMIT 1';
  const itself = 'SELECT 1 FROM accounts WHERE is_admin = 1 AND id = ?';
  return (yield* first(itself, accountId)) !== undefined && (yield* first(others, accountId)) === undefined;
}

/** Deletes the account with its tokens, memberships and grants. False where it is the last admin. */
export function* deleteAccount(accountId: number, event: AuditEvent): Query<boolean> {
  if (yield* isLastAdmin(accountId)) return false;
  yield* run('DELETE FROM grants WHERE subject = ?', `account:${accountId}`);
  yield* orphanNamespace(accountId, event.at);
  yield* run('DELETE FROM accounts WHERE id = ?', accountId);
  yield* changed(event);
  return true;
}
