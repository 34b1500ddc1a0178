import { type Query, first, run } from './query.ts';
import { type NamespaceObstacle, findNamespaceObstacle } from './namespace-reads.ts';

/** Steps that writes of accounts share: each runs within its caller's transaction. */

/** Gives the account its personal namespace, unless there is something below the name: that is returned. */
export function* claimNamespace(name: string, accountId: number): Query<NamespaceObstacle | undefined> {
  const obstacle = yield* findNamespaceObstacle(name, accountId);
  if (obstacle === undefined) yield* run('INSERT INTO namespaces (name, account_id) VALUES (?, ?)', name, accountId);
  return obstacle;
}

/** Keeps the namespace of an account that is being deleted from every later account of that name. */
export function* orphanNamespace(accountId: number, now: number): Query<void> {
  yield* run('UPDATE namespaces SET account_id = NULL, deleted_at = ? WHERE account_id = ?', now, accountId);
}

/** Returns the account that owns the namespace; undefined where nobody does. */
export function* namespaceOwner(name: string): Query<number | undefined> {
  const row = yield* first<{ accountId: number }>(
    'SELECT account_id AS "accountId" FROM namespaces WHERE name = ? AND account_id IS NOT NULL',
    name,
  );
  return row?.accountId;
}

/** Forgets that the namespace belonged to a deleted account; false where that is not known. */
export function* forgetNamespace(name: string): Query<boolean> {
  const row = yield* first('DELETE FROM namespaces WHERE name = ? AND account_id IS NULL RETURNING name AS "name"', name);
  return row !== undefined;
}
