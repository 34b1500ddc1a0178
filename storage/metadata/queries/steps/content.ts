import type { Digest } from '../../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../../src/oci/reference.ts';
import { type Query, first, insertRows, run } from './query.ts';
import { endQuarantine } from './corrupt.ts';
import type { TagMove } from './events.ts';
import { restartAudit, reviewUntagged } from './reviews.ts';
import { dropTrashed } from './trash.ts';

/** Steps that writes of content share: each runs within its caller's transaction. Times are milliseconds since 1970. */

/** Content as a descriptor announces it. */
export interface ExpectedContent {
  readonly digest: Digest;
  readonly sizeBytes: number;
}

/** A manifest of a repository, as its records describe it. */
export interface DescribedManifest {
  readonly repository: RepositoryName;
  readonly digest: Digest;
  readonly mediaType: string;
  readonly sizeBytes: number;
  readonly artifactType: string | null;
  readonly subject: Digest | null;
  /** JSON object, or null. */
  readonly annotations: string | null;
}

export interface ManifestFacts extends DescribedManifest {
  /** Tags that shall point at it. */
  readonly tags: readonly string[];
  readonly now: number;
}

/** Condition for the rows of a repository. Not a join, so that PostgreSQL reads the page from the index of this repository. */
export const inRepository = 'repository_id = (SELECT id FROM repositories WHERE name = ?)';

/** Returns the id of the repository; creates it if there is none. */
export function* repositoryId(name: RepositoryName, now: number): Query<number> {
  const known = yield* findRepository(name);
  if (known) return known.id;
  yield* run('INSERT INTO repositories (name, created_at) VALUES (?, ?) ON CONFLICT (name) DO NOTHING', name, now);
  const row = yield* findRepository(name);
  if (!row) throw new Error(`repository ${name} vanished within a transaction`);
  return row.id;
}

function findRepository(name: RepositoryName): Query<{ readonly id: number } | undefined> {
  return first('SELECT id AS "id" FROM repositories WHERE name = ?', name);
}

/**
 * Records content whose bytes were just stored. Content that waited for its deletion is needed again, and a quarantine
 * ends. Returns false if it was recorded before.
 */
export function* insertBlob(digest: Digest, sizeBytes: number, now: number): Query<boolean> {
  const row = yield* first<{ storedTimes: number }>(
    `INSERT INTO blobs (digest, size_bytes, created_at, checked_at) VALUES (?, ?, ?, ?)
     ON CONFLICT (digest) DO UPDATE
       SET unreferenced_since = NULL, checked_at = excluded.checked_at, stored_times = blobs.stored_times + 1
     RETURNING stored_times AS "storedTimes"`,
    digest,
    sizeBytes,
    now,
    now,
  );
  if (row?.storedTimes === 1) return true;
  yield* endQuarantine(digest, now);
  return false;
}

/** Lets the repository serve the blob. Returns the repository's id. */
export function* insertLink(repository: RepositoryName, digest: Digest, now: number): Query<number> {
  const id = yield* repositoryId(repository, now);
  yield* run(
    'INSERT INTO links (repository_id, digest, created_at) VALUES (?, ?, ?) ON CONFLICT (repository_id, digest) DO NOTHING',
    id,
    digest,
    now,
  );
  return id;
}

/**
 * Records a manifest that is durable in the blob store, what it references, and its tags. A manifest that was in the trash is
 * there no longer.
 */
export function* insertManifest(
  manifest: ManifestFacts,
  references: readonly ExpectedContent[],
): Query<{ readonly repositoryId: number; readonly tags: readonly TagMove[] }> {
  const { repository, digest, now } = manifest;
  const isNew = yield* insertBlob(digest, manifest.sizeBytes, now);
  const id = yield* repositoryId(repository, now);
  yield* run(
    `INSERT INTO manifests (repository_id, digest, media_type, size_bytes, artifact_type, subject, annotations, pushed_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (repository_id, digest) DO UPDATE SET media_type = excluded.media_type, pushed_at = excluded.pushed_at`,
    id,
    digest,
    manifest.mediaType,
    manifest.sizeBytes,
    manifest.artifactType,
    manifest.subject,
    manifest.annotations,
    now,
  );
  yield* insertRows(
    'INSERT INTO manifest_references (repository_id, manifest, digest)',
    [...new Set(references.map((content) => content.digest))].map((reference) => [id, digest, reference]),
    'ON CONFLICT (repository_id, manifest, digest) DO NOTHING',
  );
  // The trash keeps the blobs of its manifests: one that is new here cannot be in it.
  if (!isNew) yield* dropTrashed(id, digest);
  const tags: TagMove[] = [];
  // In one order: pushes that run beside each other must not wait for each other's tags in a circle.
  for (const name of [...new Set(manifest.tags)].sort()) {
    tags.push({ name, before: yield* pointTag(id, name, digest, now) });
  }
  return { repositoryId: id, tags };
}

/**
 * Points the tag at the manifest. Returns the digest that it pointed at before; null where the tag is new. Exact also beside
 * concurrent writes.
 */
export function* pointTag(repositoryId: number, tag: string, digest: Digest, now: number): Query<Digest | null> {
  const row = yield* first<{ previous: Digest | null }>(
    `INSERT INTO tags (repository_id, name, digest, updated_at) VALUES (?, ?, ?, ?)
     ON CONFLICT (repository_id, name) DO UPDATE
       SET previous = tags.digest, digest = excluded.digest, updated_at = excluded.updated_at
     RETURNING previous AS "previous"`,
    repositoryId,
    tag,
    digest,
    now,
  );
  const previous = row?.previous ?? null;
  if (previous !== null && previous !== digest) yield* reviewUntagged(repositoryId, previous, now);
  return previous;
}

/**
 * Makes a mirrored repository a pushed one, after a push (its upstream is not configured any more): its content is not evicted.
 * The collector reviews its blobs.
 */
export function* becomePushed(repository: RepositoryName): Query<void> {
  const mirrored = yield* first(
    `DELETE FROM mirrored_repositories WHERE repository_id = (SELECT id FROM repositories WHERE name = ?) RETURNING repository_id`,
    repository,
  );
  if (mirrored) yield* restartAudit();
}

export function* findParent(repositoryId: number, digest: Digest): Query<Digest | undefined> {
  const row = yield* first<{ manifest: Digest }>(
    'SELECT manifest AS "manifest" FROM manifest_references WHERE repository_id = ? AND digest = ? LIMIT 1',
    repositoryId,
    digest,
  );
  return row?.manifest;
}
