import { type Query, first, run } from '../query.ts';

/**
 * What can be changed about accounts, grants and secrets. Every change is recorded in the audit log by the same
 * transaction, and raises the epoch where it takes or gives a right. Times are milliseconds since 1970.
 */

/** One line of the audit log. Never holds a secret. */
export interface AuditEvent {
  readonly at: number;
  /** Who did it: a name, `command line`, or '' for a client without a login. */
  readonly actor: string;
  /** From where: a network address, or ''. */
  readonly address: string;
  /** What: `user.create`, `login`, `manifest.push` … */
  readonly action: string;
  /** To whom or what. */
  readonly target: string;
  readonly result: 'done' | 'refused';
  /** JSON. */
  readonly detail?: string | undefined;
}

export interface NewAccount {
  readonly kind: 'user' | 'robot';
  readonly name: string;
  readonly passwordHash: string | null;
  readonly isAdmin: boolean;
  readonly expiresAt: number | null;
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

export interface NewGrant {
  readonly subject: string;
  readonly pattern: string;
  /** Comma-separated. */
  readonly actions: string;
}

function* record(event: AuditEvent): Query<void> {
  yield* run(
    'INSERT INTO audit_events (at, actor, address, action, target, result, detail) VALUES (?, ?, ?, ?, ?, ?, ?)',
    event.at,
    event.actor,
    event.address,
    event.action,
    event.target,
    event.result,
    event.detail ?? null,
  );
}

/** Ends a change of rights: the audit line, and the sign for every process to look again. */
function* changed(event: AuditEvent): Query<void> {
  yield* record(event);
  yield* run('UPDATE access_epoch SET epoch = epoch + 1 WHERE id = 1');
}

/** Writes lines that belong to no change. */
export function* recordAudit(events: readonly AuditEvent[]): Query<void> {
  for (const event of events) yield* record(event);
}

/** Drops audit lines older than `before`. */
export function* pruneAudit(before: number): Query<void> {
  yield* run('DELETE FROM audit_events WHERE at < ?', before);
}

function* insertAccount({ kind, name, passwordHash, isAdmin, expiresAt }: NewAccount, now: number): Query<number | undefined> {
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
  return row?.id;
}

/** Returns the new account's id; undefined where the name is taken. */
export function* createAccount(account: NewAccount, event: AuditEvent): Query<number | undefined> {
  const id = yield* insertAccount(account, event.at);
  if (id !== undefined) yield* changed(event);
  return id;
}

/** Creates the account unless there is an admin already, and says whether it did. An existing user of that name becomes it. */
export function* createFirstAdmin(name: string, passwordHash: string, event: AuditEvent): Query<boolean> {
  if (yield* first('SELECT 1 FROM accounts WHERE is_admin = 1 LIMIT 1')) return false;
  const id = yield* insertAccount({ kind: 'user', name, passwordHash, isAdmin: true, expiresAt: null }, event.at);
  if (id === undefined) {
    yield* run(
      `UPDATE accounts SET kind = 'user', is_admin = 1, is_disabled = 0, expires_at = NULL, password_hash = ?,
         generation = generation + 1 WHERE name = ?`,
      passwordHash,
      name,
    );
  }
  yield* changed(event);
  return true;
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
  yield* run('DELETE FROM accounts WHERE id = ?', accountId);
  yield* changed(event);
  return true;
}

/** False where the name is taken. */
export function* createTeam(name: string, event: AuditEvent): Query<boolean> {
  const row = yield* first(
    'INSERT INTO teams (name, created_at) VALUES (?, ?) ON CONFLICT (name) DO NOTHING RETURNING id AS "id"',
    name,
    event.at,
  );
  if (row) yield* changed(event);
  return row !== undefined;
}

export function* deleteTeam(teamId: number, event: AuditEvent): Query<void> {
  yield* run('DELETE FROM grants WHERE subject = ?', `team:${teamId}`);
  yield* run('DELETE FROM teams WHERE id = ?', teamId);
  yield* changed(event);
}

export function* addMember(teamId: number, accountId: number, event: AuditEvent): Query<void> {
  yield* run(
    'INSERT INTO team_members (account_id, team_id) VALUES (?, ?) ON CONFLICT (account_id, team_id) DO NOTHING',
    accountId,
    teamId,
  );
  yield* changed(event);
}

export function* removeMember(teamId: number, accountId: number, event: AuditEvent): Query<void> {
  yield* run('DELETE FROM team_members WHERE account_id = ? AND team_id = ?', accountId, teamId);
  yield* changed(event);
}

/** Grants the actions, in place of what the subject had for the same pattern. Returns the grant's id. */
export function* putGrant({ subject, pattern, actions }: NewGrant, event: AuditEvent): Query<number> {
  const row = yield* first<{ id: number }>(
    `INSERT INTO grants (subject, pattern, actions, created_at) VALUES (?, ?, ?, ?)
     ON CONFLICT (subject, pattern) DO UPDATE SET actions = excluded.actions RETURNING id AS "id"`,
    subject,
    pattern,
    actions,
    event.at,
  );
  yield* changed(event);
  return row?.id ?? 0;
}

export function* deleteGrant(id: number, event: AuditEvent): Query<void> {
  yield* run('DELETE FROM grants WHERE id = ?', id);
  yield* changed(event);
}

/** A new secret takes no right away, so nobody has to look again. */
export function* createAccessToken(token: NewAccessToken, event: AuditEvent): Query<void> {
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
}

/** Keeps only the `keep` newest tokens of a kind that clients collect without anybody looking. */
export function* trimAccessTokens(accountId: number, kind: 'refresh' | 'session', keep: number): Query<void> {
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
}

export function* deleteAccessToken(id: string, event: AuditEvent): Query<void> {
  yield* run('DELETE FROM access_tokens WHERE id = ?', id);
  yield* changed(event);
}

/** Drops tokens that have expired before `now`. */
export function* pruneAccessTokens(now: number): Query<void> {
  yield* run('DELETE FROM access_tokens WHERE expires_at IS NOT NULL AND expires_at < ?', now);
}

export function* touchAccessToken(id: string, now: number): Query<void> {
  yield* run('UPDATE access_tokens SET last_used_at = ? WHERE id = ?', now, id);
}

export interface NewSigningKey {
  readonly kid: string;
  /** PKCS #8, PEM. */
  readonly privateKey: string;
}

/**
 * Makes the key the signing one, unless another has become so since `newest` (the kid that the caller knew, or ''), and
 * lets the others verify until `retiresAt`.
 */
export function* addSigningKey(key: NewSigningKey, newest: string, retiresAt: number, event: AuditEvent): Query<boolean> {
  const row = yield* first<{ kid: string }>('SELECT kid AS "kid" FROM signing_keys WHERE retires_at IS NULL');
  if ((row?.kid ?? '') !== newest) return false;
  yield* run('UPDATE signing_keys SET retires_at = ? WHERE retires_at IS NULL OR retires_at > ?', retiresAt, retiresAt);
  yield* run('INSERT INTO signing_keys (kid, private_key, created_at) VALUES (?, ?, ?)', key.kid, key.privateKey, event.at);
  yield* changed(event);
  return true;
}

export function* pruneSigningKeys(now: number): Query<void> {
  yield* run('DELETE FROM signing_keys WHERE retires_at IS NOT NULL AND retires_at < ?', now);
}

/** Says of a name or pattern whether what it matches is public. */
export function* setVisibility(pattern: string, isPublic: boolean, isWildcard: boolean, event: AuditEvent): Query<void> {
  yield* run(
    `INSERT INTO visibilities (pattern, is_public, is_wildcard) VALUES (?, ?, ?)
     ON CONFLICT (pattern) DO UPDATE SET is_public = excluded.is_public`,
    pattern,
    isPublic ? 1 : 0,
    isWildcard ? 1 : 0,
  );
  yield* changed(event);
}

/** Takes back what was said of a name or pattern. */
export function* clearVisibility(pattern: string, event: AuditEvent): Query<void> {
  yield* run('DELETE FROM visibilities WHERE pattern = ?', pattern);
  yield* changed(event);
}
