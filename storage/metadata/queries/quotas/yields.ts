import type { Digest } from '../../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../../src/oci/reference.ts';
import { type Query, type Row, all, batches, decoder, first, read, run, write } from '../steps/query.ts';
import { type ContentChange, type DatedAuthor, recordContentChanges } from '../steps/events.ts';
import { purgeManifests } from '../steps/purge.ts';
import { marksFor } from '../steps/removal.ts';
import { QuotaRefusal } from '../steps/quotas.ts';

/** The trash gives up its oldest entries when space is needed. Times are milliseconds since 1970. */

/** An entry of the trash that could give up its space. */
export interface YieldingEntry {
  readonly id: number;
  readonly repositoryId: number;
  readonly repository: RepositoryName;
  readonly digest: Digest;
}

const columns = 'e.id AS "id", e.repository_id AS "repositoryId", r.name AS "repository", e.digest AS "digest"';

/**
 * Lists entries of the trash after the id `after` (exclusive), the oldest first. `isMember`: its content counts in the
 * quota. A page also has entries of other quotas, so that reading it takes the same time whatever else is in the trash.
 */
export const listForQuota = read(function* (
  quotaId: number,
  after: number,
  limit: number,
): Query<readonly (YieldingEntry & { readonly isMember: boolean })[]> {
  const rows = yield* all<Row>(
    `SELECT ${columns}, coalesce((SELECT 1 FROM quota_members m WHERE m.repository = r.name AND m.quota_id = ?), 0) AS "isMember"
       FROM trash_entries e JOIN repositories r ON r.id = e.repository_id WHERE e.id > ? ORDER BY e.id LIMIT ?`,
    quotaId,
    after,
    limit,
  );
  return rows.map(toMemberEntry);
});

const toMemberEntry = decoder<YieldingEntry & { readonly isMember: boolean }>('isMember');

/** Lists the oldest entries of the trash. */
export const listOldest = read(function* (limit: number): Query<readonly YieldingEntry[]> {
  return yield* all<YieldingEntry>(
    `SELECT ${columns} FROM trash_entries e JOIN repositories r ON r.id = e.repository_id WHERE e.id > 0 ORDER BY e.id LIMIT ?`,
    limit,
  );
});

/** True while garbage collection has bytes to delete: what the trash has given up is not free yet. */
export const isDeleting = read(function* (now: number): Query<boolean> {
  const row = yield* first(
    `SELECT 1 FROM collection s WHERE s.id = 1
        AND (EXISTS (SELECT 1 FROM reviews v WHERE v.due_at <= ?) OR EXISTS (SELECT 1 FROM purges p WHERE p.digest > '')) LIMIT 1`,
    now,
  );
  return row !== undefined;
});

export interface Yield {
  readonly entries: readonly YieldingEntry[];
  /** Largest number of manifests that are deleted: bounds how long the write keeps others waiting. */
  readonly maxManifests: number;
  /** Bytes that the quota must gain. */
  readonly quota?: { readonly id: number; readonly bytes: number; readonly isLast: boolean } | undefined;
  /** Why, for the event. */
  readonly reason: string;
  readonly author: DatedAuthor;
}

export interface Yielded {
  readonly entries: number;
  readonly manifests: number;
  /** Bytes that the quota gained; without a quota, bytes that no repository has any more. */
  readonly freedBytes: number;
}

/**
 * Deletes entries for good, in their order, until the quota has gained the bytes. Blobs that a client was told to exist
 * within the grace stay (their review is not due yet). If `isLast`, no other entry could help: then all of them together
 * must suffice, or nothing is deleted and all counts are 0.
 */
export const put = write(function* ({ entries, maxManifests, quota, reason, author }: Yield): Query<Yielded> {
  const usedBefore = quota ? yield* usedBytes(quota.id) : 0;
  let manifests = 0;
  let freedBytes = 0;
  const changes: ContentChange[] = [];
  for (const { id, repositoryId, repository, digest } of entries) {
    if (manifests >= maxManifests || (quota && freedBytes >= quota.bytes)) break;
    const rows = yield* all<{ digest: Digest }>(
      'SELECT digest AS "digest" FROM trashed_manifests WHERE entry_id = ? ORDER BY digest LIMIT ?',
      id,
      maxManifests - manifests,
    );
    const digests = rows.map((row) => row.digest);
    const contents = quota ? [] : yield* findContents(repositoryId, digests);
    yield* purgeManifests({ repositoryId, now: author.at, isUrgent: true, sparesPending: true }, digests);
    manifests += digests.length;
    yield* run(
      'DELETE FROM trash_entries WHERE id = ? AND NOT EXISTS (SELECT 1 FROM trashed_manifests m WHERE m.entry_id = ?)',
      id,
      id,
    );
    changes.push({ kind: 'trash.yield', repository, digest, detail: { manifests: digests.length, reason } });
    freedBytes = quota ? usedBefore - (yield* usedBytes(quota.id)) : freedBytes + (yield* unneededBytes(contents));
  }
  if (quota?.isLast === true && manifests < maxManifests && freedBytes < quota.bytes)
    throw new QuotaRefusal({ kind: 'unyielding' });
  yield* recordContentChanges(author, changes);
  return { entries: changes.length, manifests, freedBytes };
});

function* usedBytes(quotaId: number): Query<number> {
  const row = yield* first<{ bytes: number }>('SELECT used_bytes AS "bytes" FROM quotas WHERE id = ?', quotaId);
  return row?.bytes ?? 0;
}

/** Returns the manifests and what they reference. */
function* findContents(repositoryId: number, manifests: readonly Digest[]): Query<readonly Digest[]> {
  const found = new Set<Digest>(manifests);
  for (const batch of batches(manifests)) {
    const rows = yield* all<{ digest: Digest }>(
      `SELECT digest AS "digest" FROM trashed_references WHERE repository_id = ? AND manifest IN (${marksFor(batch)})`,
      repositoryId,
      ...batch,
    );
    for (const { digest } of rows) found.add(digest);
  }
  return [...found];
}

function* unneededBytes(digests: readonly Digest[]): Query<number> {
  let bytes = 0;
  for (const batch of batches(digests)) {
    const row = yield* first<{ bytes: number | string | null }>(
      `SELECT sum(b.size_bytes) AS "bytes" FROM blobs b WHERE b.digest IN (${marksFor(batch)})
          AND NOT EXISTS (SELECT 1 FROM links l WHERE l.digest = b.digest)
          AND NOT EXISTS (SELECT 1 FROM manifests m WHERE m.digest = b.digest)
          AND NOT EXISTS (SELECT 1 FROM trashed_manifests m WHERE m.digest = b.digest)`,
      ...batch,
    );
    bytes += Number(row?.bytes ?? 0);
  }
  return bytes;
}
