import type { Digest } from '../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../src/oci/reference.ts';
import { type Query, all, concurrentWrite, first, read, remembered, run, write } from './steps/query.ts';
import { type DatedAuthor, recordContentChange } from './steps/events.ts';
import { dropBytesReview, endClaim } from './steps/claims.ts';
import { isIntact } from './steps/corrupt.ts';
import { becomePushed, findParent, insertBlob, insertLink } from './steps/content.ts';
import { holdsSpace, withinQuotas } from './steps/quotas.ts';
import { everyRepository, review } from './steps/reviews.ts';
import * as uploads from './uploads.ts';

/** Blobs, and their links to the repositories that may serve them. Times are milliseconds since 1970. */

/** Returns the size of a blob of any repository; undefined also for one in quarantine. */
export const find = read(function* (digest: Digest): Query<{ readonly sizeBytes: number } | undefined> {
  return yield* first<{ readonly sizeBytes: number }>(
    `SELECT b.size_bytes AS "sizeBytes" FROM blobs b WHERE b.digest = ? AND ${isIntact('b.digest')}`,
    digest,
  );
});

/** True if some repository may need the bytes, also if they are in quarantine. */
export const isRecorded = read(function* (digest: Digest): Query<boolean> {
  return (yield* first('SELECT 1 FROM blobs WHERE digest = ?', digest)) !== undefined;
});

/** Returns the size of a blob that the repository may serve; undefined also for one in quarantine. */
export const findLink = remembered(
  read(function* (repository: RepositoryName, digest: Digest): Query<{ readonly sizeBytes: number } | undefined> {
    return yield* first<{ readonly sizeBytes: number }>(
      `SELECT b.size_bytes AS "sizeBytes" FROM repositories r
         JOIN links l ON l.repository_id = r.id AND l.digest = ?
         JOIN blobs b ON b.digest = l.digest
        WHERE r.name = ? AND ${isIntact('b.digest')}`,
      digest,
      repository,
    );
  }),
);

/** Returns the names of at most `limit` repositories that may serve the blob, in no order. */
export const listRepositories = read(function* (digest: Digest, limit: number): Query<readonly RepositoryName[]> {
  const rows = yield* all<{ name: RepositoryName }>(
    `SELECT r.name AS "name" FROM links l JOIN repositories r ON r.id = l.repository_id WHERE l.digest = ? LIMIT ?`,
    digest,
    limit,
  );
  return rows.map((row) => row.name);
});

/**
 * Records a blob that is durable in the blob store, links it, and ends the upload session that brought it. `claimant` has
 * claimed the bytes since before they were stored. False, and nothing is changed, if the claim was taken away meanwhile. Rejects
 * `QuotaRefusal` if `isLimited` and a quota would be exceeded.
 */
export const commit = concurrentWrite(function* (
  repository: RepositoryName,
  digest: Digest,
  sizeBytes: number,
  uploadId: string,
  now: number,
  claimant?: string,
  isLimited = false,
): Query<boolean> {
  const work = () => record(repository, digest, sizeBytes, uploadId, now, claimant);
  // A session that holds the space gives it to the blob: no counter grows.
  const isHeld = isLimited && (yield* holdsSpace(uploadId, sizeBytes));
  return yield* withinQuotas(repository, isLimited && !isHeld, work);
});

function* record(
  repository: RepositoryName,
  digest: Digest,
  sizeBytes: number,
  uploadId: string,
  now: number,
  claimant: string | undefined,
): Query<boolean> {
  if (!(yield* endClaim(digest, claimant, now))) return false;
  // First: the blob gets the space that the session holds.
  yield* uploads.remove(uploadId);
  yield* insertBlob(digest, sizeBytes, now);
  const id = yield* insertLink(repository, digest, now);
  yield* becomePushed(repository);
  yield* dropBytesReview(digest);
  yield* review(id, digest, now);
  return true;
}

/**
 * Links a blob of repository `from` to `to`. False if `from` may not serve it, or it is in quarantine. Rejects
 * `QuotaRefusal` as `commit`.
 */
export const mount = concurrentWrite(function* (
  from: RepositoryName,
  to: RepositoryName,
  digest: Digest,
  author: DatedAuthor,
  isLimited = false,
): Query<boolean> {
  return yield* withinQuotas(to, isLimited, () => link(from, to, digest, author));
});

function* link(from: RepositoryName, to: RepositoryName, digest: Digest, author: DatedAuthor): Query<boolean> {
  const source = yield* first(
    `SELECT 1 FROM repositories r JOIN links l ON l.repository_id = r.id AND l.digest = ?
      WHERE r.name = ? AND ${isIntact('l.digest')}`,
    digest,
    from,
  );
  if (!source) return false;
  const id = yield* insertLink(to, digest, author.at);
  yield* becomePushed(to);
  yield* review(id, digest, author.at);
  yield* recordContentChange(author, { kind: 'blob.mount', repository: to, digest, detail: { from } });
  return true;
}

/**
 * Removes the blob from the repository, unless a manifest of the repository needs it: then returns the digest of the manifest as
 * `neededBy`.
 */
export const unlink = write(function* (
  repository: RepositoryName,
  digest: Digest,
  author: DatedAuthor,
): Query<{ readonly unlinked: boolean; readonly neededBy?: Digest }> {
  const found = yield* first<{ id: number }>(
    'SELECT r.id AS "id" FROM repositories r JOIN links l ON l.repository_id = r.id AND l.digest = ? WHERE r.name = ?',
    digest,
    repository,
  );
  if (!found) return { unlinked: false };
  const neededBy = yield* findParent(found.id, digest);
  if (neededBy !== undefined) return { unlinked: false, neededBy };
  yield* run('DELETE FROM links WHERE repository_id = ? AND digest = ?', found.id, digest);
  yield* review(everyRepository, digest, author.at);
  yield* recordContentChange(author, { kind: 'blob.delete', repository, digest });
  return { unlinked: true };
});
