import { type Query, all, first, read, run, write } from './steps/query.ts';
import { type AuditEvent, recordAccessChange } from './steps/events.ts';

/**
 * Grants, and the rights version. Every change is recorded in the audit log by the same transaction and raises the rights
 * version.
 */

export interface GrantRecord {
  readonly id: number;
  /** `account:<id>`, `team:<id>`, `authenticated` or `anonymous`. */
  readonly subject: string;
  readonly pattern: string;
  readonly actions: string;
}

/** A grant with the name of its subject: `user:alice`, `robot:ci`, `team:devs`, `authenticated`, `anonymous`. */
export interface NamedGrantRecord extends GrantRecord {
  readonly subjectName: string;
}

export interface NewGrant {
  readonly subject: string;
  readonly pattern: string;
  /** Comma-separated. */
  readonly actions: string;
}

/** Returns the rights version, which every change of a right raises. */
export const rightsVersion = read(function* (): Query<number> {
  const row = yield* first<{ epoch: number }>('SELECT epoch AS "epoch" FROM access_epoch WHERE id = 1');
  return row?.epoch ?? 0;
});

/** Returns the grants that apply to the account: its own, those of its teams, of all logins and of all clients. */
export const listForAccount = read(function* (accountId: number): Query<readonly GrantRecord[]> {
  const teams = yield* all<{ id: number }>('SELECT team_id AS "id" FROM team_members WHERE account_id = ?', accountId);
  return yield* listForSubjects([`account:${accountId}`, 'authenticated', 'anonymous', ...teams.map(({ id }) => `team:${id}`)]);
});

/** Returns the same with the names of their subjects, ascending by id. */
export const listNamedForAccount = read(function* (accountId: number): Query<readonly NamedGrantRecord[]> {
  return yield* withNames([...(yield* listForAccount(accountId))].sort((one, other) => one.id - other.id));
});

/** Returns grants for one of the patterns after the id `after`, ascending. */
export const listForPatterns = read(function* (
  patterns: readonly string[],
  after: number,
  limit: number,
): Query<readonly NamedGrantRecord[]> {
  const grants = yield* all<GrantRecord>(
    `SELECT id AS "id", subject AS "subject", pattern AS "pattern", actions AS "actions" FROM grants
      WHERE pattern IN (${patterns.map(() => '?').join(', ')}) AND id > ? ORDER BY id LIMIT ?`,
    ...patterns,
    after,
    limit,
  );
  return yield* withNames(grants);
});

export const listForSubjects = read(function* (subjects: readonly string[]): Query<readonly GrantRecord[]> {
  const marks = subjects.map(() => '?').join(', ');
  return yield* all<GrantRecord>(
    `SELECT id AS "id", subject AS "subject", pattern AS "pattern", actions AS "actions" FROM grants WHERE subject IN (${marks})`,
    ...subjects,
  );
});

/** Returns grants after the id `after`, ascending; only those of `subject` if it is given. */
export const list = read(function* (
  subject: string | undefined,
  after: number,
  limit: number,
): Query<readonly NamedGrantRecord[]> {
  const select = 'SELECT id AS "id", subject AS "subject", pattern AS "pattern", actions AS "actions" FROM grants';
  const grants =
    subject === undefined
      ? yield* all<GrantRecord>(`${select} WHERE id > ? ORDER BY id LIMIT ?`, after, limit)
      : yield* all<GrantRecord>(`${select} WHERE subject = ? AND id > ? ORDER BY id LIMIT ?`, subject, after, limit);
  return yield* withNames(grants);
});

function* withNames(grants: readonly GrantRecord[]): Query<readonly NamedGrantRecord[]> {
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

export const find = read(function* (id: number): Query<GrantRecord | undefined> {
  return yield* first<GrantRecord>(
    'SELECT id AS "id", subject AS "subject", pattern AS "pattern", actions AS "actions" FROM grants WHERE id = ?',
    id,
  );
});

/** Grants the actions; replaces a grant of the subject for the same pattern. Returns the id of the grant. */
export const put = write(function* ({ subject, pattern, actions }: NewGrant, event: AuditEvent): Query<number> {
  const row = yield* first<{ id: number }>(
    `INSERT INTO grants (subject, pattern, actions, created_at) VALUES (?, ?, ?, ?)
     ON CONFLICT (subject, pattern) DO UPDATE SET actions = excluded.actions RETURNING id AS "id"`,
    subject,
    pattern,
    actions,
    event.at,
  );
  yield* recordAccessChange(event);
  return row?.id ?? 0;
});

export const remove = write(function* (id: number, event: AuditEvent): Query<void> {
  yield* run('DELETE FROM grants WHERE id = ?', id);
  yield* recordAccessChange(event);
});
