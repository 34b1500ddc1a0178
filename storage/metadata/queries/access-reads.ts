import { type Query, all, first } from './query.ts';

/** What can be asked about accounts, grants and secrets. Times are milliseconds since 1970, flags 0 or 1. */

export interface AccountRecord {
  readonly id: number;
  readonly kind: 'user' | 'robot';
  readonly name: string;
  readonly passwordHash: string | null;
  readonly isAdmin: number;
  readonly isDisabled: number;
  readonly expiresAt: number | null;
  readonly generation: number;
  readonly createdAt: number;
}

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

export interface GrantRecord {
  readonly id: number;
  /** `account:<id>`, `team:<id>`, `authenticated` or `anonymous`. */
  readonly subject: string;
  readonly pattern: string;
  readonly actions: string;
}

/** A grant as people read it: `user:alice`, `robot:ci`, `team:devs`, `authenticated`, `anonymous`. */
export interface NamedGrantRecord extends GrantRecord {
  readonly subjectName: string;
}

export interface SigningKeyRecord {
  readonly kid: string;
  readonly privateKey: string;
  readonly createdAt: number;
  readonly retiresAt: number | null;
}

export interface VisibilityRecord {
  readonly pattern: string;
  readonly isPublic: number;
}

export interface AuditRecord {
  readonly id: number;
  readonly at: number;
  readonly actor: string;
  readonly address: string;
  readonly action: string;
  readonly target: string;
  readonly result: string;
  /** JSON, or null. */
  readonly detail: string | null;
}

const accountColumns = `id AS "id", kind AS "kind", name AS "name", password_hash AS "passwordHash", is_admin AS "isAdmin",
  is_disabled AS "isDisabled", expires_at AS "expiresAt", generation AS "generation", created_at AS "createdAt"`;
const tokenColumns = `id AS "id", kind AS "kind", account_id AS "accountId", name AS "name", scopes AS "scopes",
  created_at AS "createdAt", expires_at AS "expiresAt", last_used_at AS "lastUsedAt"`;
const auditColumns = `id AS "id", at AS "at", actor AS "actor", address AS "address", action AS "action",
  target AS "target", result AS "result", detail AS "detail"`;

/** Rises with every change that takes or gives a right. */
export function* accessEpoch(): Query<number> {
  const row = yield* first<{ epoch: number }>('SELECT epoch AS "epoch" FROM access_epoch WHERE id = 1');
  return row?.epoch ?? 0;
}

export function* hasAdmin(): Query<boolean> {
  return (yield* first('SELECT 1 FROM accounts WHERE is_admin = 1 LIMIT 1')) !== undefined;
}

export function* findAccount(id: number): Query<AccountRecord | undefined> {
  return yield* first<AccountRecord>(`SELECT ${accountColumns} FROM accounts WHERE id = ?`, id);
}

export function* findAccountByName(name: string): Query<AccountRecord | undefined> {
  return yield* first<AccountRecord>(`SELECT ${accountColumns} FROM accounts WHERE name = ?`, name);
}

/** The cost (log2 of the rounds) of the most expensive bcrypt password of all accounts; undefined where no account has one. */
export function* largestBcryptCost(): Query<number | undefined> {
  const row = yield* first<{ cost: string }>(
    `SELECT substr(password_hash, 5, 2) AS "cost" FROM accounts WHERE substr(password_hash, 1, 2) = '$2'
     ORDER BY substr(password_hash, 5, 2) DESC LIMIT 1`,
  );
  return row && Number(row.cost);
}

/** Accounts of one kind after the name `after` (exclusive), ascending. */
export function* listAccounts(kind: 'user' | 'robot', after: string, limit: number): Query<readonly AccountRecord[]> {
  const page = 'WHERE kind = ? AND name > ? ORDER BY name LIMIT ?';
  return yield* all<AccountRecord>(`SELECT ${accountColumns} FROM accounts ${page}`, kind, after, limit);
}

/** Everything that counts for the account: its own grants, its teams', those of everybody with a login, and of everybody. */
export function* grantsOfAccount(accountId: number): Query<readonly GrantRecord[]> {
  const teams = yield* all<{ id: number }>('SELECT team_id AS "id" FROM team_members WHERE account_id = ?', accountId);
  return yield* grantsOfSubjects([`account:${accountId}`, 'authenticated', 'anonymous', ...teams.map(({ id }) => `team:${id}`)]);
}

export function* grantsOfSubjects(subjects: readonly string[]): Query<readonly GrantRecord[]> {
  const marks = subjects.map(() => '?').join(', ');
  return yield* all<GrantRecord>(
    `SELECT id AS "id", subject AS "subject", pattern AS "pattern", actions AS "actions" FROM grants WHERE subject IN (${marks})`,
    ...subjects,
  );
}

/** Grants after the id `after`, ascending; of one subject where it is given. */
export function* listGrants(subject: string | undefined, after: number, limit: number): Query<readonly NamedGrantRecord[]> {
  const select = 'SELECT id AS "id", subject AS "subject", pattern AS "pattern", actions AS "actions" FROM grants';
  const grants =
    subject === undefined
      ? yield* all<GrantRecord>(`${select} WHERE id > ? ORDER BY id LIMIT ?`, after, limit)
      : yield* all<GrantRecord>(`${select} WHERE subject = ? AND id > ? ORDER BY id LIMIT ?`, subject, after, limit);
  const names = yield* subjectNames(grants);
  return grants.map((grant) => ({ ...grant, subjectName: names.get(grant.subject) ?? grant.subject }));
}

function* subjectNames(grants: readonly GrantRecord[]): Query<ReadonlyMap<string, string>> {
  const accounts = yield* namesOf('kind', 'accounts', idsOf('account:', grants));
  const teams = yield* namesOf(`'team'`, 'teams', idsOf('team:', grants));
  return new Map([
    ...accounts.map(({ id, kind, name }): [string, string] => [`account:${id}`, `${kind}:${name}`]),
    ...teams.map(({ id, kind, name }): [string, string] => [`team:${id}`, `${kind}:${name}`]),
  ]);
}

function idsOf(prefix: string, grants: readonly GrantRecord[]): readonly number[] {
  const subjects = new Set(grants.map(({ subject }) => subject).filter((subject) => subject.startsWith(prefix)));
  return [...subjects].map((subject) => Number(subject.slice(prefix.length)));
}

function* namesOf(
  kind: string,
  table: string,
  ids: readonly number[],
): Query<readonly { id: number; kind: string; name: string }[]> {
  if (ids.length === 0) return [];
  const marks = ids.map(() => '?').join(', ');
  return yield* all(`SELECT id AS "id", ${kind} AS "kind", name AS "name" FROM ${table} WHERE id IN (${marks})`, ...ids);
}

export function* findGrant(id: number): Query<GrantRecord | undefined> {
  return yield* first<GrantRecord>(
    'SELECT id AS "id", subject AS "subject", pattern AS "pattern", actions AS "actions" FROM grants WHERE id = ?',
    id,
  );
}

export function* findTeam(name: string): Query<{ readonly id: number; readonly name: string } | undefined> {
  return yield* first<{ id: number; name: string }>('SELECT id AS "id", name AS "name" FROM teams WHERE name = ?', name);
}

/** Team names after `after` (exclusive), ascending. */
export function* listTeams(after: string, limit: number): Query<readonly string[]> {
  const rows = yield* all<{ name: string }>(
    'SELECT name AS "name" FROM teams WHERE name > ? ORDER BY name LIMIT ?',
    after,
    limit,
  );
  return rows.map(({ name }) => name);
}

export function* listMembers(teamId: number): Query<readonly string[]> {
  const rows = yield* all<{ name: string }>(
    'SELECT a.name AS "name" FROM team_members m JOIN accounts a ON a.id = m.account_id WHERE m.team_id = ? ORDER BY a.name',
    teamId,
  );
  return rows.map(({ name }) => name);
}

export function* findAccessTokenByHash(secretHash: string): Query<AccessTokenRecord | undefined> {
  return yield* first<AccessTokenRecord>(`SELECT ${tokenColumns} FROM access_tokens WHERE secret_hash = ?`, secretHash);
}

export function* findAccessToken(id: string): Query<AccessTokenRecord | undefined> {
  return yield* first<AccessTokenRecord>(`SELECT ${tokenColumns} FROM access_tokens WHERE id = ?`, id);
}

export function* listAccessTokens(accountId: number): Query<readonly AccessTokenRecord[]> {
  const order = 'ORDER BY kind, created_at';
  return yield* all<AccessTokenRecord>(`SELECT ${tokenColumns} FROM access_tokens WHERE account_id = ? ${order}`, accountId);
}

/** The signing one first, then newest first. */
export function* listSigningKeys(): Query<readonly SigningKeyRecord[]> {
  return yield* all<SigningKeyRecord>(
    `SELECT kid AS "kid", private_key AS "privateKey", created_at AS "createdAt", retires_at AS "retiresAt"
       FROM signing_keys ORDER BY retires_at IS NOT NULL, created_at DESC, kid`,
  );
}

/** What was said about exactly this name or pattern. */
export function* findVisibility(pattern: string): Query<VisibilityRecord | undefined> {
  return yield* first<VisibilityRecord>(
    'SELECT pattern AS "pattern", is_public AS "isPublic" FROM visibilities WHERE pattern = ?',
    pattern,
  );
}

export function* listWildcardVisibilities(): Query<readonly VisibilityRecord[]> {
  return yield* all<VisibilityRecord>(
    'SELECT pattern AS "pattern", is_public AS "isPublic" FROM visibilities WHERE is_wildcard = 1 ORDER BY pattern',
  );
}

/** Names and patterns after `after` (exclusive), ascending. */
export function* listVisibilities(after: string, limit: number): Query<readonly VisibilityRecord[]> {
  return yield* all<VisibilityRecord>(
    'SELECT pattern AS "pattern", is_public AS "isPublic" FROM visibilities WHERE pattern > ? ORDER BY pattern LIMIT ?',
    after,
    limit,
  );
}

/** Repositories that are public by their own name, after `after` (exclusive), ascending. */
export function* listPublicRepositories(after: string, limit: number): Query<readonly string[]> {
  const rows = yield* all<{ name: string }>(
    // Not a join: PostgreSQL would begin with the repositories where those are fewer, and from their first one.
    `SELECT v.pattern AS "name" FROM visibilities v
      WHERE v.is_public = 1 AND v.is_wildcard = 0 AND v.pattern > ?
        AND (SELECT 1 FROM repositories r WHERE r.name = v.pattern) = 1
      ORDER BY v.pattern LIMIT ?`,
    after,
    limit,
  );
  return rows.map(({ name }) => name);
}

/** A repository and what was said about exactly its name: 1 public, 0 private, null nothing. */
export interface ListedRepository {
  readonly name: string;
  readonly isPublic: number | null;
}

/** Repositories after `after` and before `before` (both exclusive), ascending by bytes. */
export function* listRepositoriesBetween(after: string, before: string, limit: number): Query<readonly ListedRepository[]> {
  return yield* all<ListedRepository>(
    `SELECT r.name AS "name", v.is_public AS "isPublic" FROM repositories r LEFT JOIN visibilities v ON v.pattern = r.name
      WHERE r.name > ? AND r.name < ? ORDER BY r.name LIMIT ?`,
    after,
    before,
    limit,
  );
}

/** Those of `names` that exist, in no order. */
export function* listRepositoriesNamed(names: readonly string[]): Query<readonly string[]> {
  if (names.length === 0) return [];
  const marks = names.map(() => '?').join(', ');
  const rows = yield* all<{ name: string }>(`SELECT name AS "name" FROM repositories WHERE name IN (${marks})`, ...names);
  return rows.map(({ name }) => name);
}

export interface AuditFilter {
  readonly actor?: string | undefined;
  readonly target?: string | undefined;
}

/** Events before the id `before` (exclusive), newest first. */
export function* listAuditEvents(filter: AuditFilter, before: number, limit: number): Query<readonly AuditRecord[]> {
  const { actor, target } = filter;
  const conditions = [
    ...(actor === undefined ? [] : ['actor = ?']),
    ...(target === undefined ? [] : ['target = ?']),
    'id < ?',
  ].join(' AND ');
  const values = [actor, target, before].filter((value) => value !== undefined);
  const order = 'ORDER BY id DESC LIMIT ?';
  return yield* all<AuditRecord>(`SELECT ${auditColumns} FROM audit_events WHERE ${conditions} ${order}`, ...values, limit);
}
