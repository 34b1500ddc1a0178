import type { RepositoryName } from '../../../../src/oci/reference.ts';
import { type Query, type Row, all, first, read } from '../steps/query.ts';
import type { QuotaScope } from './rules.ts';

/** What quotas have used. */

export interface QuotaUse {
  readonly ruleId: number;
  /** Name of the rule. */
  readonly rule: string;
  readonly per: QuotaScope;
  /** The namespace or repository; '' for all repositories of the rule together. */
  readonly name: string;
  /** Bytes of content, each digest once; also that in the trash. */
  readonly usedBytes: number;
  /** Bytes of open uploads. */
  readonly reservedBytes: number;
  readonly tags: number;
  /** Null: no limit. */
  readonly maxBytes: number | null;
  readonly maxTags: number | null;
  /** True while content is being counted: the figures are too low, and the quota is not enforced. */
  readonly isCounting: boolean;
}

/** Position in the list of quotas: a page begins after it. */
export interface QuotaPosition {
  readonly ruleId: number;
  readonly name: string;
}

const columns = `r.id AS "ruleId", r.name AS "rule", r.per AS "per", q.name AS "name", q.used_bytes AS "usedBytes",
  q.reserved_bytes AS "reservedBytes", q.tags AS "tags", r.max_bytes AS "maxBytes", r.max_tags AS "maxTags",
  r.state AS "state", q.uncounted AS "uncounted"`;

/** Not dropped, and no second count of a rule in force. */
const isShown = `r.state <> 'dropped' AND r.replaces IS NULL`;

function toUse({ state, uncounted, ...row }: Row): QuotaUse {
  return { ...(row as unknown as Omit<QuotaUse, 'isCounting'>), isCounting: state !== 'counted' || uncounted !== 0 };
}

/** Lists quotas after the position, in the order of their rules and names. */
export const list = read(function* (after: QuotaPosition, limit: number): Query<readonly QuotaUse[]> {
  const rows = yield* all<Row>(
    `SELECT ${columns} FROM quotas q JOIN quota_rules r ON r.id = q.rule_id
      WHERE (q.rule_id, q.name) > (?, ?) AND ${isShown} ORDER BY q.rule_id, q.name LIMIT ?`,
    after.ruleId,
    after.name,
    limit,
  );
  return rows.map(toUse);
});

/** Lists the quotas that a repository counts in; none before its first push. */
export const listOf = read(function* (repository: RepositoryName): Query<readonly QuotaUse[]> {
  const rows = yield* all<Row>(
    `SELECT ${columns} FROM quota_members m JOIN quotas q ON q.id = m.quota_id JOIN quota_rules r ON r.id = q.rule_id
      WHERE m.repository = ? AND ${isShown} ORDER BY m.quota_id`,
    repository,
  );
  return rows.map(toUse);
});

/** A quota whose counters were not what a second count found. */
export interface QuotaDifference {
  readonly rule: string;
  readonly name: string;
  readonly formerBytes: number;
  readonly bytes: number;
  /** Bytes of open uploads. */
  readonly formerReserved: number;
  readonly reserved: number;
  readonly formerTags: number;
  readonly tags: number;
}

/** Returns the number of repositories that are still to be counted, and of those there are, for the progress of a count. */
export const progress = read(function* (): Query<{ readonly left: number; readonly all: number }> {
  const row = yield* first<{ left: number | string; all: number | string }>(
    `SELECT (SELECT count(*) FROM quota_members m WHERE m.counted_to < '~' OR m.tags_counted_to < '~') +
            (SELECT count(*) FROM repositories r WHERE r.id > (SELECT position FROM quota_state WHERE id = 1)) AS "left",
            (SELECT count(*) FROM repositories) AS "all"`,
  );
  return { left: Number(row?.left ?? 0), all: Number(row?.all ?? 0) };
});
