import type { RepositoryName } from '../../../src/oci/reference.ts';
import { type Query, type Row, all, decoder, first, read } from './steps/query.ts';

/** Repositories by name. Each read is a lookup or a page of an index, except `search`. */

/** A repository and the visibility that is set for exactly its name; null if none is. */
export interface ListedRepository {
  readonly name: RepositoryName;
  readonly isPublic: boolean | null;
}

const toListed = decoder<ListedRepository>('isPublic');

/** Lists repositories that are public by their own name, after `after` (exclusive), ascending. */
export const listPublic = read(function* (after: string, limit: number): Query<readonly RepositoryName[]> {
  const rows = yield* all<{ name: RepositoryName }>(
    // Not a join: PostgreSQL would begin with the repositories where those are fewer, and from their first one.
    `SELECT v.pattern AS "name" FROM visibilities v
      WHERE v.is_public = 1 AND v.is_wildcard = 0 AND v.pattern > ?
        AND (SELECT 1 FROM repositories r WHERE r.name = v.pattern) = 1
      ORDER BY v.pattern LIMIT ?`,
    after,
    limit,
  );
  return rows.map(({ name }) => name);
});

/** Lists repositories after `after` and before `before` (both exclusive), ascending by bytes. */
export const listBetween = read(function* (after: string, before: string, limit: number): Query<readonly ListedRepository[]> {
  const rows = yield* all<Row>(
    `SELECT r.name AS "name", v.is_public AS "isPublic" FROM repositories r LEFT JOIN visibilities v ON v.pattern = r.name
      WHERE r.name > ? AND r.name < ? ORDER BY r.name LIMIT ?`,
    after,
    before,
    limit,
  );
  return rows.map(toListed);
});

/** Returns the names that exist, in no order. */
export const listNamed = read(function* (names: readonly RepositoryName[]): Query<readonly RepositoryName[]> {
  if (names.length === 0) return [];
  const marks = names.map(() => '?').join(', ');
  const rows = yield* all<{ name: RepositoryName }>(`SELECT name AS "name" FROM repositories WHERE name IN (${marks})`, ...names);
  return rows.map(({ name }) => name);
});

/** True if the repository exists and was pushed: it is no mirror of an upstream's repository. */
export const isPushed = read(function* (name: RepositoryName): Query<boolean> {
  const row = yield* first(
    `SELECT 1 FROM repositories r LEFT JOIN mirrored_repositories m ON m.repository_id = r.id
      WHERE r.name = ? AND m.repository_id IS NULL`,
    name,
  );
  return row !== undefined;
});

export const exists = read(function* (name: RepositoryName): Query<boolean> {
  return (yield* first('SELECT 1 FROM repositories WHERE name = ?', name)) !== undefined;
});

/** Lists repository names after `after` (exclusive), ascending by bytes. */
export const list = read(function* (after: string, limit: number): Query<readonly RepositoryName[]> {
  const rows = yield* all<{ name: RepositoryName }>(
    'SELECT name AS "name" FROM repositories WHERE name > ? ORDER BY name LIMIT ?',
    after,
    limit,
  );
  return rows.map((row) => row.name);
});

/** Returns the names of at most `limit` repositories that contain the text, ascending. Reads every name. */
export const search = read(function* (text: string, limit: number): Query<readonly RepositoryName[]> {
  const pattern = `%${text.replaceAll(/[\\%_]/g, '\\$&')}%`;
  const rows = yield* all<{ name: RepositoryName }>(
    `SELECT name AS "name" FROM repositories WHERE name LIKE ? ESCAPE '\\' ORDER BY name LIMIT ?`,
    pattern,
    limit,
  );
  return rows.map((row) => row.name);
});

/** Counts all repositories: for commands, not for regular work. */
export const count = read(function* (): Query<number> {
  return Number((yield* first<{ count: number | string }>('SELECT count(*) AS "count" FROM repositories'))?.count ?? 0);
});
