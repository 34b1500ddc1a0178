import { type Query, all, first, read, run, write } from './steps/query.ts';
import { type AuditEvent, recordAccessChange } from './steps/events.ts';

/** Teams and their members. Every change is recorded in the audit log by the same transaction and raises the rights version. */

export const find = read(function* (name: string): Query<{ readonly id: number; readonly name: string } | undefined> {
  return yield* first<{ id: number; name: string }>('SELECT id AS "id", name AS "name" FROM teams WHERE name = ?', name);
});

/** Lists team names after `after` (exclusive), ascending. */
export const list = read(function* (after: string, limit: number): Query<readonly string[]> {
  const rows = yield* all<{ name: string }>(
    'SELECT name AS "name" FROM teams WHERE name > ? ORDER BY name LIMIT ?',
    after,
    limit,
  );
  return rows.map(({ name }) => name);
});

export const listMembers = read(function* (teamId: number): Query<readonly string[]> {
  const rows = yield* all<{ name: string }>(
    'SELECT a.name AS "name" FROM team_members m JOIN accounts a ON a.id = m.account_id WHERE m.team_id = ? ORDER BY a.name',
    teamId,
  );
  return rows.map(({ name }) => name);
});

/** Creates a team. Returns false where the name is taken. */
export const create = write(function* (name: string, event: AuditEvent): Query<boolean> {
  const row = yield* first(
    'INSERT INTO teams (name, created_at) VALUES (?, ?) ON CONFLICT (name) DO NOTHING RETURNING id AS "id"',
    name,
    event.at,
  );
  if (row) yield* recordAccessChange(event);
  return row !== undefined;
});

export const remove = write(function* (teamId: number, event: AuditEvent): Query<void> {
  yield* run('DELETE FROM grants WHERE subject = ?', `team:${teamId}`);
  yield* run('DELETE FROM teams WHERE id = ?', teamId);
  yield* recordAccessChange(event);
});

export const addMember = write(function* (teamId: number, accountId: number, event: AuditEvent): Query<void> {
  yield* run(
    'INSERT INTO team_members (account_id, team_id) VALUES (?, ?) ON CONFLICT (account_id, team_id) DO NOTHING',
    accountId,
    teamId,
  );
  yield* recordAccessChange(event);
});

export const removeMember = write(function* (teamId: number, accountId: number, event: AuditEvent): Query<void> {
  yield* run('DELETE FROM team_members WHERE account_id = ? AND team_id = ?', accountId, teamId);
  yield* recordAccessChange(event);
});
