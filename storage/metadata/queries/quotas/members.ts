import { matches, parsePattern } from '../../../../src/oci/patterns/repository-pattern.ts';
import type { RepositoryName } from '../../../../src/oci/reference.ts';
import { type Query, first, run, write } from '../steps/query.ts';
import { type StoredRule, findState, listRules } from './rules.ts';

/** Which quotas a repository counts in. */

/** Sorts after every digest and every tag: all of them are counted. */
export const allCounted = '~';

/**
 * Finds the quotas of a repository, which need not exist yet: its first push counts from the beginning. The content of a
 * repository that exists is counted by `count`, and its quotas are not enforced until then.
 */
export const enlist = write(enlistRepository);

export function* enlistRepository(repository: RepositoryName): Query<void> {
  const { version } = yield* findState();
  const isThere = yield* first('SELECT 1 FROM repositories WHERE name = ?', repository);
  for (const rule of yield* listRules()) {
    if (rule.state !== 'dropped' && appliesTo(rule, repository)) yield* join(rule, repository, isThere ? '' : allCounted);
  }
  yield* run(
    `INSERT INTO quota_repositories (repository, version) VALUES (?, ?)
     ON CONFLICT (repository) DO UPDATE SET version = excluded.version`,
    repository,
    version,
  );
}

/** True if a pattern of the rule matches the repository, and none with ! in front does. */
function appliesTo({ match }: StoredRule, repository: RepositoryName): boolean {
  const isMatched = (text: string) => {
    const pattern = parsePattern(text);
    return pattern !== undefined && matches(pattern, repository);
  };
  const excludes = match.filter((text) => text.startsWith('!')).map((text) => text.slice(1));
  return match.some(isMatched) && !excludes.some(isMatched);
}

function* join({ id, per }: StoredRule, repository: RepositoryName, countedTo: string): Query<void> {
  const name = per === 'all' ? '' : per === 'repository' ? repository : (repository.split('/', 1)[0] ?? repository);
  yield* run('INSERT INTO quotas (rule_id, name) VALUES (?, ?) ON CONFLICT (rule_id, name) DO NOTHING', id, name);
  const member = yield* first<{ quotaId: number }>(
    `INSERT INTO quota_members (repository, quota_id, counted_to, tags_counted_to)
     SELECT CAST(? AS TEXT), id, CAST(? AS TEXT), CAST(? AS TEXT) FROM quotas WHERE rule_id = ? AND name = ?
     ON CONFLICT (repository, quota_id) DO NOTHING RETURNING quota_id AS "quotaId"`,
    repository,
    countedTo,
    countedTo,
    id,
    name,
  );
  if (!member) return;
  yield* run(
    `UPDATE quotas SET uncounted = uncounted + ?, reserved_bytes = reserved_bytes +
       (SELECT coalesce(sum(u.reserved_bytes), 0) FROM uploads u WHERE u.repository = ? AND u.reserved_bytes > 0) WHERE id = ?`,
    countedTo === allCounted ? 0 : 1,
    repository,
    member.quotaId,
  );
}
