import { type Query, all, first } from './query.ts';

/** Personal namespaces: repositories below `NAME/` that belong to a user. Times are milliseconds since 1970. */

export interface NamespaceRecord {
  readonly name: string;
  /** The account's name; null after the account was deleted: then nobody owns the namespace until it is released. */
  readonly owner: string | null;
  readonly deletedAt: number | null;
}

/** What stands below a name although no account owns it. */
export type NamespaceObstacle = 'deleted account' | 'repositories' | 'grants' | 'visibility';

/** Returns the name of the account's namespace; undefined where the account has none. */
export function* findNamespaceOf(accountId: number): Query<string | undefined> {
  return (yield* first<{ name: string }>('SELECT name AS "name" FROM namespaces WHERE account_id = ?', accountId))?.name;
}

/** Returns namespaces after the name `after` (exclusive), ascending. */
export function* listNamespaces(after: string, limit: number): Query<readonly NamespaceRecord[]> {
  return yield* all<NamespaceRecord>(
    `SELECT n.name AS "name", a.name AS "owner", n.deleted_at AS "deletedAt"
       FROM namespaces n LEFT JOIN accounts a ON a.id = n.account_id WHERE n.name > ? ORDER BY n.name LIMIT ?`,
    after,
    limit,
  );
}

/**
 * Returns what keeps the account from owning `name`: anything below it that is not the account's own. Rules of all names
 * (`**`) do not count, those of names that begin alike (`na**`) do.
 */
export function* findNamespaceObstacle(name: string, accountId: number): Query<NamespaceObstacle | undefined> {
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
}

/** Tables of rules by pattern, the condition that leaves out the account's own, and the obstacle. */
const rules = [
  ['grants', 'AND subject <> ?', 'grants'],
  ['visibilities', '', 'visibility'],
] as const;
