import type { Digest } from '../../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../../src/oci/reference.ts';
import { type Query, all, batches, concurrentWrite, first, read, run } from '../steps/query.ts';
import { marksFor } from '../steps/removal.ts';

/** Which content was verified when. Content is a blob or a manifest. Times are milliseconds since 1970. */

/** Content to verify. */
export interface ContentToCheck {
  readonly digest: Digest;
  readonly sizeBytes: number;
  /** When all its bytes were last stored, or read and found right. 0: never, as far as is known. */
  readonly checkedAt: number;
  /** How often its bytes were stored. It changes when they are stored again. */
  readonly storedTimes: number;
}

const columns = `b.digest AS "digest", b.size_bytes AS "sizeBytes", b.checked_at AS "checkedAt", b.stored_times AS "storedTimes"`;

/** Lists content last checked before `before`, longest unchecked first, after the position (exclusive). */
export const listDue = read(function* (
  before: number,
  after: Pick<ContentToCheck, 'checkedAt' | 'digest'> | undefined,
  limit: number,
): Query<readonly ContentToCheck[]> {
  return yield* all<ContentToCheck>(
    `SELECT ${columns} FROM blobs b WHERE (b.checked_at, b.digest) > (?, ?) AND b.checked_at < ?
      ORDER BY b.checked_at, b.digest LIMIT ?`,
    after?.checkedAt ?? -1,
    after?.digest ?? '',
    before,
    limit,
  );
});

/** Lists all content after the digest (exclusive), ascending by digest. */
export const list = read(function* (after: Digest | '', limit: number): Query<readonly ContentToCheck[]> {
  return yield* all<ContentToCheck>(`SELECT ${columns} FROM blobs b WHERE b.digest > ? ORDER BY b.digest LIMIT ?`, after, limit);
});

/** Lists the blobs and manifests of a repository after the digest (exclusive), ascending by digest. */
export const listOfRepository = read(function* (
  repository: RepositoryName,
  after: Digest | '',
  limit: number,
): Query<readonly ContentToCheck[]> {
  const row = yield* first<{ id: number }>('SELECT id AS "id" FROM repositories WHERE name = ?', repository);
  if (!row) return [];
  const digests = new Set<Digest>();
  for (const table of ['links', 'manifests']) {
    const found = yield* all<{ digest: Digest }>(
      `SELECT digest AS "digest" FROM ${table} WHERE repository_id = ? AND digest > ? ORDER BY digest LIMIT ?`,
      row.id,
      after,
      limit,
    );
    for (const { digest } of found) digests.add(digest);
  }
  return yield* listThese([...digests].sort().slice(0, limit));
});

function* listThese(digests: readonly Digest[]): Query<readonly ContentToCheck[]> {
  const found: ContentToCheck[] = [];
  for (const batch of batches(digests)) {
    const select = `SELECT ${columns} FROM blobs b WHERE b.digest IN (${marksFor(batch)}) ORDER BY b.digest`;
    found.push(...(yield* all<ContentToCheck>(select, ...batch)));
  }
  return found;
}

/** Returns the content with these digests, ascending by digest. Digests without a record are left out. */
export const findAll = read(function* (digests: readonly Digest[]): Query<readonly ContentToCheck[]> {
  return yield* listThese([...digests].sort());
});

/** Records that all bytes were read and found right. */
export const record = concurrentWrite(function* (digests: readonly Digest[], now: number): Query<void> {
  // In one order: writers that run beside each other must not wait for each other in a circle.
  for (const batch of batches([...digests].sort())) {
    yield* run(`UPDATE blobs SET checked_at = ? WHERE digest IN (${marksFor(batch)})`, now, ...batch);
  }
});

/** Counts all content and its bytes. Reads every row: for commands, not for regular work. */
export const count = read(function* (): Query<{ readonly contents: number; readonly bytes: number }> {
  const row = yield* first<{ contents: number | string; bytes: number | string }>(
    'SELECT count(*) AS "contents", coalesce(sum(size_bytes), 0) AS "bytes" FROM blobs',
  );
  return { contents: Number(row?.contents ?? 0), bytes: Number(row?.bytes ?? 0) };
});

/** Returns when the longest unchecked content was checked; undefined if there is no content. */
export const findOldest = read(function* (): Query<number | undefined> {
  const row = yield* first<{ checkedAt: number }>(
    'SELECT checked_at AS "checkedAt" FROM blobs ORDER BY checked_at, digest LIMIT 1',
  );
  return row?.checkedAt;
});

/** Counts the first contents by digest, at most `limit`, and those of them that were checked at `since` or later. */
export const countFirst = read(function* (
  since: number,
  limit: number,
): Query<{ readonly contents: number; readonly checked: number }> {
  const row = yield* first<{ contents: number | string; checked: number | string }>(
    `SELECT count(*) AS "contents", coalesce(sum(CASE WHEN few.checked_at >= ? THEN 1 ELSE 0 END), 0) AS "checked"
       FROM (SELECT checked_at FROM blobs WHERE digest > '' ORDER BY digest LIMIT ?) few`,
    since,
    limit,
  );
  return { contents: Number(row?.contents ?? 0), checked: Number(row?.checked ?? 0) };
});

/** Returns the times of the checks of the content at or behind each of the digests: a sample, because digests are random. */
export const sampleTimes = read(function* (starts: readonly string[]): Query<readonly number[]> {
  const next = 'SELECT (SELECT checked_at FROM blobs WHERE digest >= ? ORDER BY digest LIMIT 1) AS "checkedAt"';
  const rows = yield* all<{ checkedAt: number | null }>(starts.map(() => next).join(' UNION ALL '), ...starts);
  return rows.flatMap(({ checkedAt }) => checkedAt ?? []);
});
