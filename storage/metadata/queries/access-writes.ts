import { type Query, first, run } from './query.ts';
import { type AuditEvent, changed, record } from './audit-steps.ts';

/**
 * What can be changed about teams, grants and secrets. Every change is recorded in the audit log by the same
 * transaction, and raises the epoch where it takes or gives a right. Times are milliseconds since 1970.
 */

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
