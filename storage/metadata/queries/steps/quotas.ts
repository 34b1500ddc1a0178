import type { Digest } from '../../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../../src/oci/reference.ts';
import { type Query, all, first } from './query.ts';

/** Steps of writes that must not exceed a quota. Triggers keep the counters; these steps compare them with the limits. */

/** A quota that a write would exceed. */
export interface Excess {
  readonly quotaId: number;
  /** Name of the rule. */
  readonly rule: string;
  /** The namespace or repository; '' for all repositories of the rule together. */
  readonly scope: string;
  readonly kind: 'bytes' | 'tags';
  /** Bytes or tags before the write; bytes with those of open uploads. */
  readonly used: number;
  /** Bytes or tags that the write would add. */
  readonly needed: number;
  readonly limit: number;
}

/**
 * Why a write was refused. `unlisted`: it is not known which quotas the repository counts in; `enlist` finds out.
 * `unyielding`: the trash does not have the space that is needed.
 */
export type QuotaRefusalReason =
  { readonly kind: 'unlisted' | 'unyielding' } | { readonly kind: 'exceeded'; readonly excess: Excess };

/** Ends a write: its transaction is rolled back, and the operation rejects with this error, whichever store runs it. */
export class QuotaRefusal extends Error {
  override readonly name = 'QuotaRefusal';
  readonly reason: QuotaRefusalReason;

  constructor(reason: QuotaRefusalReason) {
    super(reason.kind === 'exceeded' ? `quota ${reason.excess.rule} is exceeded` : reason.kind);
    this.reason = reason;
  }
}

interface Counter {
  readonly id: number;
  readonly bytes: number;
  readonly tags: number;
}

/**
 * Runs a write that may add content to the repository, if quotas are configured: without them no statement is added. Throws
 * `QuotaRefusal` if the write makes a quota exceed its limit. What frees space is never refused, also above a lowered limit.
 */
export function* withinQuotas<Result>(repository: RepositoryName, isLimited: boolean, work: () => Query<Result>): Query<Result> {
  if (!isLimited) return yield* work();
  const before = yield* lockCounters(repository);
  const result = yield* work();
  if (before.length > 0) yield* refuseExcess(repository, before);
  return result;
}

/** Locks and returns the counters. Before all other rows, so that concurrent writes wait for each other in one order. */
function* lockCounters(repository: RepositoryName): Query<readonly Counter[]> {
  const isListed = yield* first(
    'SELECT 1 FROM quota_repositories e JOIN quota_state s ON s.id = 1 AND s.version = e.version WHERE e.repository = ?',
    repository,
  );
  if (!isListed) throw new QuotaRefusal({ kind: 'unlisted' });
  return yield* all<Counter>(
    `UPDATE quotas SET used_bytes = used_bytes WHERE id IN (SELECT quota_id FROM quota_members WHERE repository = ?)
     RETURNING id AS "id", used_bytes + reserved_bytes AS "bytes", tags AS "tags"`,
    repository,
  );
}

function* refuseExcess(repository: RepositoryName, before: readonly Counter[]): Query<void> {
  const exceeded = yield* all<ExceededRow>(
    `SELECT ${excessColumns} FROM quota_members m JOIN quotas q ON q.id = m.quota_id AND q.uncounted = 0
       JOIN quota_rules r ON r.id = q.rule_id AND r.state = 'counted'
      WHERE m.repository = ? AND (q.used_bytes + q.reserved_bytes > r.max_bytes OR q.tags > r.max_tags) ORDER BY m.quota_id`,
    repository,
  );
  for (const row of exceeded) {
    const former = before.find(({ id }) => id === row.id);
    if (!former) continue;
    for (const kind of ['bytes', 'tags'] as const) {
      const limit = kind === 'bytes' ? row.maxBytes : row.maxTags;
      const needed = row[kind] - former[kind];
      if (limit === null || row[kind] <= limit || needed <= 0) continue;
      throw new QuotaRefusal({ kind: 'exceeded', excess: excessOf(row, kind, former[kind], needed) });
    }
  }
}

const excessColumns = `q.id AS "id", q.name AS "scope", r.name AS "rule", q.used_bytes + q.reserved_bytes AS "bytes",
  q.tags AS "tags", r.max_bytes AS "maxBytes", r.max_tags AS "maxTags"`;

interface ExceededRow extends Counter {
  readonly scope: string;
  readonly rule: string;
  readonly maxBytes: number | null;
  readonly maxTags: number | null;
}

function excessOf(row: ExceededRow, kind: Excess['kind'], used: number, needed: number): Excess {
  const limit = (kind === 'bytes' ? row.maxBytes : row.maxTags) ?? 0;
  return { quotaId: row.id, rule: row.rule, scope: row.scope, kind, used, needed, limit };
}

/** True if the session holds at least `sizeBytes` in all quotas of its repository. */
export function* holdsSpace(uploadId: string, sizeBytes: number): Query<boolean> {
  const row = yield* first(
    `SELECT 1 FROM uploads u JOIN quota_repositories e ON e.repository = u.repository
       JOIN quota_state s ON s.id = 1 AND s.version = e.version WHERE u.id = ? AND u.reserved_bytes >= ?`,
    uploadId,
    sizeBytes,
  );
  return row !== undefined;
}

/**
 * Throws `QuotaRefusal` if the session, whose reservation has just grown by `addedBytes`, makes a quota exceed its limit.
 * The change has locked the counters.
 */
export function* refuseReservation(repository: RepositoryName, addedBytes: number): Query<void> {
  const rows = yield* quotasInForce(repository, '');
  for (const row of rows) {
    if (row.id === null || row.maxBytes === null || row.bytes <= row.maxBytes || addedBytes <= 0) continue;
    throw new QuotaRefusal({ kind: 'exceeded', excess: excessOf(row, 'bytes', row.bytes - addedBytes, addedBytes) });
  }
}

/**
 * Returns the first quota of the repository that has no room for content of `sizeBytes`; one that has the digest needs
 * none. Throws `QuotaRefusal` if the quotas of the repository are not known.
 */
export function* findExcess(repository: RepositoryName, digest: Digest | '', sizeBytes: number): Query<Excess | undefined> {
  const rows = yield* quotasInForce(repository, digest);
  for (const row of rows) {
    if (row.id === null || row.maxBytes === null || row.hasDigest === 1) continue;
    if (row.bytes + sizeBytes > row.maxBytes) return excessOf(row, 'bytes', row.bytes, sizeBytes);
  }
  return undefined;
}

type RowInForce = { readonly hasDigest: number } & (ExceededRow | { readonly id: null });

/**
 * Returns the quotas of the repository that are in force, and rows without an id. Throws `QuotaRefusal` if they are not
 * known.
 */
function* quotasInForce(repository: RepositoryName, digest: Digest | ''): Query<readonly RowInForce[]> {
  // One statement, because it runs for every upload. A row without a quota: the repository counts in none.
  const rows = yield* all<RowInForce>(
    `SELECT ${excessColumns}, coalesce((SELECT 1 FROM quota_contents c WHERE c.quota_id = q.id AND c.digest = ?), 0) AS "hasDigest"
       FROM quota_state s JOIN quota_repositories e ON e.repository = ? AND e.version = s.version
       LEFT JOIN quota_members m ON m.repository = e.repository
       LEFT JOIN quotas q ON q.id = m.quota_id AND q.uncounted = 0
       LEFT JOIN quota_rules r ON r.id = q.rule_id AND r.state = 'counted'
      WHERE s.id = 1`,
    digest,
    repository,
  );
  if (rows.length === 0) throw new QuotaRefusal({ kind: 'unlisted' });
  return rows;
}
