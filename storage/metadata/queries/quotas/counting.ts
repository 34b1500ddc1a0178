import type { Digest } from '../../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../../src/oci/reference.ts';
import { type Query, all, first, read, run, write } from '../steps/query.ts';
import { allCounted, enlistRepository } from './members.ts';
import type { QuotaDifference } from './status.ts';
import { dropRule, findState, listRules, recountRules } from './rules.ts';

/** The count of content for new rules, in small steps, while clients push. */

/** True if `step` has something to do. */
export const isNeeded = read(function* (): Query<boolean> {
  const row = yield* first(
    `SELECT 1 FROM quota_state s WHERE s.id = 1 AND (s.is_stale = 1
        OR EXISTS (SELECT 1 FROM quota_rules r WHERE r.id > 0 AND r.state <> 'counted')
        OR (EXISTS (SELECT 1 FROM quota_rules r WHERE r.id > 0) AND (
             EXISTS (SELECT 1 FROM repositories r WHERE r.id > s.position)
          OR EXISTS (SELECT 1 FROM quota_repositories e WHERE e.version < s.version)
          OR EXISTS (SELECT 1 FROM quota_members m WHERE ${isUncounted('m')})))) LIMIT 1`,
  );
  return row !== undefined;
});

/** Written exactly as in the partial index. */
function isUncounted(table: string): string {
  return `(${table}.counted_to < '${allCounted}' OR ${table}.tags_counted_to < '${allCounted}')`;
}

/** Finding the quotas of a repository takes as long as counting so many digests. */
const digestsPerRepository = 20;

/**
 * Does one step: counts at most `limit` digests and tags of a repository, finds the quotas of some repositories, or deletes
 * `limit` rows of a dropped rule. Runs alone, so that no change of content is missed. Returns the quotas whose second
 * count, which has just ended, differs from the counters that were in force.
 */
export const step = write(function* (limit: number): Query<readonly QuotaDifference[]> {
  const { isStale } = yield* findState();
  if (isStale === 1) yield* recountRules();
  if (yield* dropSome(limit)) return [];
  if (yield* findRepositories(Math.ceil(limit / digestsPerRepository))) return [];
  if (yield* countOne(limit)) return [];
  return yield* finishRules();
});

/** Finds the quotas of repositories that are new, or were looked at for former rules. True if some were found. */
function* findRepositories(limit: number): Query<boolean> {
  const { version, position } = yield* findState();
  if (!(yield* first('SELECT 1 FROM quota_rules WHERE id > 0 LIMIT 1'))) return false;
  const added = yield* all<{ id: number; name: RepositoryName; version: number | null; isMirrored: number }>(
    `SELECT r.id AS "id", r.name AS "name", (SELECT e.version FROM quota_repositories e WHERE e.repository = r.name) AS "version",
            coalesce((SELECT 1 FROM mirrored_repositories x WHERE x.repository_id = r.id), 0) AS "isMirrored"
       FROM repositories r WHERE r.id > ? ORDER BY r.id LIMIT ?`,
    position,
    limit,
  );
  for (const row of added) if (row.version !== version && row.isMirrored === 0) yield* enlistRepository(row.name);
  const last = added.at(-1);
  if (last) yield* run('UPDATE quota_state SET position = ? WHERE id = 1', last.id);
  if (added.length === limit) return true;
  const outdated = yield* all<{ repository: RepositoryName }>(
    'SELECT repository AS "repository" FROM quota_repositories WHERE version < ? ORDER BY version LIMIT ?',
    version,
    limit,
  );
  for (const { repository } of outdated) yield* enlistRepository(repository);
  return added.length + outdated.length > 0;
}

interface UncountedMember {
  readonly repository: RepositoryName;
  readonly quotaId: number;
  readonly countedTo: string;
  readonly tagsCountedTo: string;
  /** Null if the repository is gone, or mirrored: nothing of it counts. */
  readonly repositoryId: number | null;
}

/** Counts the next digests and tags of a repository that is not counted completely. False if there is none. */
function* countOne(limit: number): Query<boolean> {
  const member = yield* first<UncountedMember>(
    `SELECT m.repository AS "repository", m.quota_id AS "quotaId", m.counted_to AS "countedTo",
            m.tags_counted_to AS "tagsCountedTo", (SELECT r.id FROM repositories r WHERE r.name = m.repository
              AND NOT EXISTS (SELECT 1 FROM mirrored_repositories x WHERE x.repository_id = r.id)) AS "repositoryId"
       FROM quota_members m WHERE ${isUncounted('m')} ORDER BY m.quota_id, m.repository LIMIT 1`,
  );
  if (!member) return false;
  const isGone = member.repositoryId === null;
  const countedTo = isGone ? allCounted : yield* countDigests(member, member.repositoryId, limit);
  const tagsCountedTo = isGone ? allCounted : yield* countTags(member, member.repositoryId, limit);
  yield* run(
    'UPDATE quota_members SET counted_to = ?, tags_counted_to = ? WHERE repository = ? AND quota_id = ?',
    countedTo,
    tagsCountedTo,
    member.repository,
    member.quotaId,
  );
  if (countedTo === allCounted && tagsCountedTo === allCounted)
    yield* run('UPDATE quotas SET uncounted = uncounted - 1 WHERE id = ?', member.quotaId);
  return true;
}

/** Counts at most `limit` digests of each kind. Returns the last digest that is counted. */
function* countDigests({ quotaId, countedTo }: UncountedMember, repositoryId: number, limit: number): Query<string> {
  if (countedTo === allCounted) return allCounted;
  let end: string = allCounted;
  for (const table of ['links', 'manifests', 'trashed_manifests']) {
    const page = yield* all<{ digest: Digest }>(
      `SELECT digest AS "digest" FROM ${table} WHERE repository_id = ? AND digest > ? ORDER BY digest LIMIT ?`,
      repositoryId,
      countedTo,
      limit,
    );
    const last = page.at(-1);
    if (page.length === limit && last && last.digest < end) end = last.digest;
  }
  for (const table of ['links', 'manifests', 'trashed_manifests']) {
    yield* run(
      `INSERT INTO quota_contents (quota_id, digest, size_bytes, uses)
       SELECT CAST(? AS BIGINT), b.digest, b.size_bytes, 1 FROM ${table} c JOIN blobs b ON b.digest = c.digest
        WHERE c.repository_id = ? AND c.digest > ? AND c.digest <= ?
       ON CONFLICT (quota_id, digest) DO UPDATE SET uses = quota_contents.uses + 1`,
      quotaId,
      repositoryId,
      countedTo,
      end,
    );
  }
  return end;
}

function* countTags({ quotaId, tagsCountedTo }: UncountedMember, repositoryId: number, limit: number): Query<string> {
  if (tagsCountedTo === allCounted) return allCounted;
  const page = yield* all<{ name: string }>(
    'SELECT name AS "name" FROM tags WHERE repository_id = ? AND name > ? ORDER BY name LIMIT ?',
    repositoryId,
    tagsCountedTo,
    limit,
  );
  yield* run('UPDATE quotas SET tags = tags + ? WHERE id = ?', page.length, quotaId);
  return page.length === limit ? (page.at(-1)?.name ?? allCounted) : allCounted;
}

/** Puts rules that are counted completely in force, and drops those that they replace. */
function* finishRules(): Query<readonly QuotaDifference[]> {
  const differences: QuotaDifference[] = [];
  const counted = (yield* listRules()).filter(({ state }) => state === 'counting');
  for (const { id, replaces } of counted) {
    yield* run(`UPDATE quota_rules SET state = 'counted', replaces = NULL WHERE id = ?`, id);
    if (replaces === null) continue;
    differences.push(...(yield* compare(replaces, id)));
    yield* dropRule(replaces);
  }
  return differences;
}

/** Differences that are returned of one rule. */
const maxDifferences = 100;

function* compare(former: number, current: number): Query<readonly QuotaDifference[]> {
  return yield* all<QuotaDifference>(
    `SELECT r.name AS "rule", c.name AS "name", f.used_bytes AS "formerBytes", c.used_bytes AS "bytes",
            f.reserved_bytes AS "formerReserved", c.reserved_bytes AS "reserved", f.tags AS "formerTags", c.tags AS "tags"
       FROM quotas c JOIN quotas f ON f.rule_id = ? AND f.name = c.name JOIN quota_rules r ON r.id = c.rule_id
      WHERE c.rule_id = ? AND f.uncounted = 0
        AND (f.used_bytes <> c.used_bytes OR f.reserved_bytes <> c.reserved_bytes OR f.tags <> c.tags)
      ORDER BY c.name LIMIT ${maxDifferences}`,
    former,
    current,
  );
}

/** Deletes some rows of a dropped rule: members first, so that nothing is added to its counters. */
function* dropSome(limit: number): Query<boolean> {
  const rule = yield* first<{ id: number }>(
    `SELECT id AS "id" FROM quota_rules WHERE id > 0 AND state = 'dropped' ORDER BY id LIMIT 1`,
  );
  if (!rule) return false;
  const quota = yield* first<{ id: number }>('SELECT id AS "id" FROM quotas WHERE rule_id = ? ORDER BY name LIMIT 1', rule.id);
  if (!quota) {
    yield* run('DELETE FROM quota_rules WHERE id = ?', rule.id);
    // Without rules nothing is left that a list of repositories would be for.
    if (!(yield* first('SELECT 1 FROM quota_rules WHERE id > 0 LIMIT 1')))
      yield* run('UPDATE quota_state SET position = 0 WHERE id = 1');
    return true;
  }
  const members = yield* all<{ repository: RepositoryName }>(
    'SELECT repository AS "repository" FROM quota_members WHERE quota_id = ? ORDER BY repository LIMIT ?',
    quota.id,
    limit,
  );
  for (const { repository } of members)
    yield* run('DELETE FROM quota_members WHERE repository = ? AND quota_id = ?', repository, quota.id);
  if (members.length > 0) return true;
  const contents = yield* all<{ digest: Digest }>(
    'SELECT digest AS "digest" FROM quota_contents WHERE quota_id = ? ORDER BY digest LIMIT ?',
    quota.id,
    limit,
  );
  const last = contents.at(-1);
  if (last) yield* run('DELETE FROM quota_contents WHERE quota_id = ? AND digest <= ?', quota.id, last.digest);
  else yield* run('DELETE FROM quotas WHERE id = ?', quota.id);
  return true;
}
