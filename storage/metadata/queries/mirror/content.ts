import type { Digest } from '../../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../../src/oci/reference.ts';
import {
  type Query,
  type Row,
  all,
  batches,
  concurrentWrite,
  decoder,
  first,
  insertRows,
  read,
  run,
  write,
} from '../steps/query.ts';
import { type ExpectedContent, type ManifestFacts, insertBlob, insertLink, insertManifest } from '../steps/content.ts';
import { dropBytesReview, endClaim } from '../steps/claims.ts';
import { isIntact } from '../steps/corrupt.ts';
import { type Mirrored, mirroredRepositoryId } from './repositories.ts';
import { holdSize } from './space-steps.ts';
import * as mirrorSpace from './space.ts';

/** Manifests and blobs that came from upstreams. Times are milliseconds since 1970. */

/** Content that a manifest of the mirrored repository references. */
export interface PromiseRecord {
  readonly sizeBytes: number;
  /** True if it was already downloaded from an upstream that shows it to everybody. */
  readonly isOpen: boolean;
}

const toPromise = decoder<PromiseRecord>('isOpen');

export interface NewMirroredManifest extends ManifestFacts, Mirrored {
  /** The claim on the manifest's bytes. Undefined: the caller relies on no bytes. */
  readonly claimant?: string | undefined;
  /** The content that it names. */
  readonly promises: readonly ExpectedContent[];
}

export interface Use {
  readonly digest: Digest;
  readonly usedAt: number;
  /** True for a new request; false if a former reader still reads it. */
  readonly isNew: boolean;
}

export const findExpected = read(function* (repository: RepositoryName, digest: Digest): Query<PromiseRecord | undefined> {
  const row = yield* first<Row>(
    `SELECT p.size_bytes AS "sizeBytes",
            CASE WHEN EXISTS (SELECT 1 FROM links l JOIN mirrored_repositories m ON m.repository_id = l.repository_id
                               WHERE l.digest = p.digest AND m.by_login = 0) THEN 1 ELSE 0 END AS "isOpen"
       FROM repositories r
       JOIN mirrored_promises p ON p.repository_id = r.id AND p.digest = ?
      WHERE r.name = ?`,
    digest,
    repository,
  );
  return row && toPromise(row);
});

function* recordContent(digest: Digest, sizeBytes: number, now: number): Query<void> {
  yield* run(
    `INSERT INTO mirrored_content (digest, size_bytes, used_at) VALUES (?, ?, ?)
     ON CONFLICT (digest) DO UPDATE SET used_at = excluded.used_at`,
    digest,
    sizeBytes,
    now,
  );
}

/**
 * Records a manifest that is durable in the blob store, and the content that it names. Tags that point at it and have no
 * manifest yet get this one. False, and nothing is changed, if the claim on its bytes was taken away.
 */
export const recordManifest = concurrentWrite(function* (manifest: NewMirroredManifest): Query<boolean> {
  const { digest, now } = manifest;
  if (!(yield* endClaim(digest, manifest.claimant, now))) return false;
  yield* dropBytesReview(digest);
  yield* mirrorSpace.release([digest], false);
  const id = yield* mirroredRepositoryId(manifest, now);
  yield* insertManifest(manifest, manifest.promises);
  yield* recordContent(digest, manifest.sizeBytes, now);
  yield* insertRows(
    'INSERT INTO mirrored_promises (repository_id, digest, size_bytes)',
    manifest.promises.map((promise) => [id, promise.digest, promise.sizeBytes]),
    'ON CONFLICT (repository_id, digest) DO NOTHING',
  );
  yield* run(
    `INSERT INTO tags (repository_id, name, digest, updated_at)
     SELECT repository_id, name, digest, checked_at FROM mirrored_tags WHERE repository_id = ? AND digest = ?
     ON CONFLICT (repository_id, name) DO NOTHING`,
    id,
    digest,
  );
  return true;
});

/** Lists those of `digests` that are manifests of the repository. */
export const listCachedManifests = read(function* (
  repository: RepositoryName,
  digests: readonly Digest[],
): Query<readonly Digest[]> {
  const row = yield* first<{ id: number }>('SELECT id AS "id" FROM repositories WHERE name = ?', repository);
  if (!row) return [];
  const found: Digest[] = [];
  for (const batch of batches(digests)) {
    const rows = yield* all<{ digest: Digest }>(
      `SELECT digest AS "digest" FROM manifests WHERE repository_id = ? AND digest IN (${batch.map(() => '?').join(', ')})`,
      row.id,
      ...batch,
    );
    found.push(...rows.map(({ digest }) => digest));
  }
  return found;
});

/** Records that a blob was not kept. True if that was recorded before. */
export const refuseBlob = concurrentWrite(function* (digest: Digest, now: number): Query<boolean> {
  const isNew = yield* first(
    `INSERT INTO mirrored_refusals (digest, refused_at) VALUES (?, ?)
     ON CONFLICT (digest) DO NOTHING RETURNING digest AS "digest"`,
    digest,
    now,
  );
  return isNew === undefined;
});

/** Deletes refusals from before `before`. */
export const forgetRefusals = write(function* (before: number): Query<void> {
  yield* run('DELETE FROM mirrored_refusals WHERE refused_at < ?', before);
});

/**
 * Records a blob that is durable in the blob store, for every repository that asked for it. False, and nothing is changed, if
 * the claim on its bytes was taken away.
 */
export const recordBlob = concurrentWrite(function* (
  repositoryRefs: readonly Mirrored[],
  digest: Digest,
  sizeBytes: number,
  now: number,
  claimant?: string,
): Query<boolean> {
  if (!(yield* endClaim(digest, claimant, now))) return false;
  yield* mirrorSpace.release([digest], false);
  yield* insertBlob(digest, sizeBytes, now);
  if (repositoryRefs.length > 0) yield* dropBytesReview(digest);
  yield* recordContent(digest, sizeBytes, now);
  for (const repositoryRef of repositoryRefs) {
    yield* mirroredRepositoryId(repositoryRef, now);
    yield* insertLink(repositoryRef.repository, digest, now);
  }
  return true;
});

/** Links a stored blob to the mirrored repository. False if the blob is not stored, or is in quarantine. */
export const linkBlob = concurrentWrite(function* (repositoryRef: Mirrored, digest: Digest, now: number): Query<boolean> {
  const blob = yield* first(`SELECT 1 FROM blobs b WHERE b.digest = ? AND ${isIntact('b.digest')}`, digest);
  if (!blob) return false;
  yield* run('UPDATE blobs SET unreferenced_since = NULL WHERE digest = ? AND unreferenced_since IS NOT NULL', digest);
  yield* mirroredRepositoryId(repositoryRef, now);
  yield* insertLink(repositoryRef.repository, digest, now);
  return true;
});

/**
 * Records when content was last used. Content with a new request is protected from then on. Content that was pushed is
 * ignored.
 */
export const recordUses = concurrentWrite(function* (uses: readonly Use[]): Query<void> {
  yield* holdSize();
  // Sorted: concurrent writers that lock rows in different orders would deadlock.
  for (const { digest, usedAt, isNew } of [...uses].sort((one, other) => (one.digest < other.digest ? -1 : 1))) {
    const changes = isNew ? 'used_at = ?, is_protected = 1' : 'used_at = ?';
    yield* run(`UPDATE mirrored_content SET ${changes} WHERE digest = ? AND used_at < ?`, usedAt, digest, usedAt);
  }
});
