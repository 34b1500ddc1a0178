import { type Query, all, first, read, run, write } from './steps/query.ts';
import { type AuditEvent, recordAccessChange } from './steps/events.ts';

/** Personal namespaces: repositories below `NAME/` that belong to a user. Times are milliseconds since 1970. */

export interface NamespaceRecord {
  readonly name: string;
  /** Name of the account; null after its deletion: then the namespace has no owner until it is released. */
  readonly owner: string | null;
  readonly deletedAt: number | null;
}

/** The reason why an account does not own the repositories below its name. */
export type NamespaceObstacle = 'deleted account' | 'repositories' | 'grants' | 'visibility';

export interface CreatedAccount {
  readonly id: number;
  /** Why the account does not own the repositories below its name, although it wants to. */
  readonly obstacle: NamespaceObstacle | undefined;
}

export interface ReleasedNamespace {
  /** False where no deleted account of that name is remembered. */
  readonly wasRemembered: boolean;
  /** The user of that name, who owns the namespace now unless there is an obstacle. */
  readonly account: CreatedAccount | undefined;
}

/** Tables of rules by pattern, the condition that leaves out the account's own, and the obstacle. */
const rules = [
  ['grants', 'AND subject <> ?', 'grants'],
  ['visibilities', '', 'visibility'],
] as const;

/** Returns the name of the account's namespace; undefined where the account has none. */
export const findByAccount = read(function* (accountId: number): Query<string | undefined> {
  return (yield* first<{ name: string }>('SELECT name AS "name" FROM namespaces WHERE account_id = ?', accountId))?.name;
});

/** Returns the name of the account that owns the namespace; undefined where no account does. */
export const findOwner = read(function* (name: string): Query<string | undefined> {
  const query = 'SELECT a.name AS "name" FROM namespaces n JOIN accounts a ON a.id = n.account_id WHERE n.name = ?';
  return (yield* first<{ name: string }>(query, name))?.name;
});

/** Returns namespaces after the name `after` (exclusive), ascending. */
export const list = read(function* (after: string, limit: number): Query<readonly NamespaceRecord[]> {
  return yield* all<NamespaceRecord>(
    `SELECT n.name AS "name", a.name AS "owner", n.deleted_at AS "deletedAt"
       FROM namespaces n LEFT JOIN accounts a ON a.id = n.account_id WHERE n.name > ? ORDER BY n.name LIMIT ?`,
    after,
    limit,
  );
});

/**
 * Returns the obstacle that keeps the account from owning `name`: content or rules below it that are not the account's own. Rules
 * for all names (`**`) are no obstacle; rules for names that begin alike (`na**`) are.
 */
export const findObstacle = read(function* (name: string, accountId: number): Query<NamespaceObstacle | undefined> {
  if (yield* first('SELECT 1 FROM namespaces WHERE name = ?', name)) return 'deleted account';
  const range = [`${name}/`, `${name}0`] as const; // '0' is the character after '/'
  if (yield* first('SELECT 1 FROM repositories WHERE name > ? AND name < ? LIMIT 1', ...range)) return 'repositories';
  const wider = Array.from(name, (_character, index) => `${name.slice(0, index + 1)}**`);
  const marks = wider.map(() => '?').join(', ');
  for (const [table, others, obstacle] of rules) {
    const own = others === '' ? [] : [`account:${accountId}`];
    const select = `SELECT 1 FROM ${table} WHERE`;
    if (yield* first(`${select} pattern >= ? AND pattern < ? ${others} LIMIT 1`, ...range, ...own)) return obstacle;
    if (yield* first(`${select} pattern IN (${marks}) ${others} LIMIT 1`, ...wider, ...own)) return obstacle;
  }
  return undefined;
});

export function withObstacle(event: AuditEvent, obstacle: NamespaceObstacle | undefined): AuditEvent {
  if (obstacle === undefined) return event;
  const detail = event.detail === undefined ? {} : (JSON.parse(event.detail) as object);
  return { ...event, detail: JSON.stringify({ ...detail, noNamespace: obstacle }) };
}

/**
 * Lets the name of a deleted account own a namespace again: the user who has the name now, or one that is created later.
 * Returns undefined where a user owns the namespace already.
 */
export const release = write(function* (name: string, event: AuditEvent): Query<ReleasedNamespace | undefined> {
  if ((yield* namespaceOwner(name)) !== undefined) return undefined;
  const wasRemembered = yield* forgetNamespace(name);
  const user = yield* first<{ id: number }>(`SELECT id AS "id" FROM accounts WHERE name = ? AND kind = 'user'`, name);
  const account = user && { id: user.id, obstacle: yield* claimNamespace(name, user.id) };
  if (wasRemembered || (account && account.obstacle === undefined))
    yield* recordAccessChange(withObstacle(event, account?.obstacle));
  return { wasRemembered, account };
});

/** Gives the account its namespace, unless there is an obstacle: then returns it. */
export function* claimNamespace(name: string, accountId: number): Query<NamespaceObstacle | undefined> {
  const obstacle = yield* findObstacle(name, accountId);
  if (obstacle === undefined) yield* run('INSERT INTO namespaces (name, account_id) VALUES (?, ?)', name, accountId);
  return obstacle;
}

/** Returns the account that owns the namespace; undefined if there is none. */
export function* namespaceOwner(name: string): Query<number | undefined> {
  const row = yield* first<{ accountId: number }>(
    'SELECT account_id AS "accountId" FROM namespaces WHERE name = ? AND account_id IS NOT NULL',
    name,
  );
  return row?.accountId;
}

/** Deletes the record that the namespace belonged to a deleted account; false if there is none. */
export function* forgetNamespace(name: string): Query<boolean> {
  const row = yield* first('DELETE FROM namespaces WHERE name = ? AND account_id IS NULL RETURNING name AS "name"', name);
  return row !== undefined;
}
