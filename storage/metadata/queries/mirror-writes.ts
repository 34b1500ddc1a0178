import { type Query, first, insertRows, run } from './query.ts';
import { type ManifestFacts, holdSize, link, recordBlob, recordManifest, repositoryId } from './content.ts';
import { endTransits } from './mirror-eviction.ts';
import type { ExpectedContent } from './reads.ts';

/** What can be changed about mirrored content. Each is one transaction. Times are milliseconds since 1970. */

/** A repository that holds copies. */
export interface Mirrored {
  readonly repository: string;
  readonly upstream: string;
  /** Whether berth shows the upstream a login: then what comes may not be for everybody. */
  readonly byLogin: boolean;
}

function* mirroredRepositoryId({ repository, upstream, byLogin }: Mirrored, now: number): Query<number> {
  const id = yield* repositoryId(repository, now);
  yield* run(
    `INSERT INTO mirrored_repositories (repository_id, upstream, by_login) VALUES (?, ?, ?)
     ON CONFLICT (repository_id) DO NOTHING`,
    id,
    upstream,
    byLogin ? 1 : 0,
  );
  if (byLogin) yield* run('UPDATE mirrored_repositories SET by_login = 1 WHERE repository_id = ? AND by_login = 0', id);
  return id;
}

export interface UpstreamVisibility {
  readonly isPublic: boolean;
  /** Digest of a manifest that a client without a login has read. */
  readonly proof: string | null;
  readonly now: number;
}

/** Whether everybody may read the repository at its upstream now. What is not public is recorded only where something is here. */
export function* recordUpstreamVisibility(repositoryRef: Mirrored, { isPublic, proof, now }: UpstreamVisibility): Query<void> {
  if (isPublic) yield* mirroredRepositoryId(repositoryRef, now);
  yield* run(
    `UPDATE mirrored_repositories SET is_public = ?, checked_at = ?, proof = coalesce(?, proof)
      WHERE repository_id = (SELECT id FROM repositories WHERE name = ?)`,
    isPublic ? 1 : 0,
    now,
    proof,
    repositoryRef.repository,
  );
}

function* recordContent(digest: string, sizeBytes: number, now: number): Query<void> {
  yield* run(
    `INSERT INTO mirrored_content (digest, size_bytes, used_at) VALUES (?, ?, ?)
     ON CONFLICT (digest) DO UPDATE SET used_at = excluded.used_at`,
    digest,
    sizeBytes,
    now,
  );
}

export interface NewMirroredTag extends Mirrored {
  readonly tag: string;
  readonly digest: string;
  readonly mediaType: string;
  readonly sizeBytes: number;
  readonly now: number;
}

/** What the upstream has just said of a tag. The repository's own tag follows where the manifest is here. */
export function* recordMirroredTag(fact: NewMirroredTag): Query<void> {
  const id = yield* mirroredRepositoryId(fact, fact.now);
  yield* run(
    `INSERT INTO mirrored_tags (repository_id, name, digest, media_type, size_bytes, checked_at, missing_since)
     VALUES (?, ?, ?, ?, ?, ?, NULL)
     ON CONFLICT (repository_id, name) DO UPDATE SET digest = excluded.digest, media_type = excluded.media_type,
       size_bytes = excluded.size_bytes, checked_at = excluded.checked_at, missing_since = NULL`,
    id,
    fact.tag,
    fact.digest,
    fact.mediaType,
    fact.sizeBytes,
    fact.now,
  );
  yield* run(
    `INSERT INTO tags (repository_id, name, digest, updated_at)
     SELECT m.repository_id, CAST(? AS TEXT), m.digest, CAST(? AS BIGINT) FROM manifests m WHERE m.repository_id = ? AND m.digest = ?
     ON CONFLICT (repository_id, name) DO UPDATE SET digest = excluded.digest, updated_at = excluded.updated_at`,
    fact.tag,
    fact.now,
    id,
    fact.digest,
  );
}

/** The upstream has said that the tag is not there. The first time is kept. */
export function* recordMissingTag(repository: string, tag: string, now: number): Query<void> {
  yield* run(
    `UPDATE mirrored_tags SET checked_at = ?, missing_since = coalesce(missing_since, ?)
      WHERE name = ? AND repository_id = (SELECT id FROM repositories WHERE name = ?)`,
    now,
    now,
    tag,
    repository,
  );
}

export function* dropMirroredTag(repository: string, tag: string): Query<void> {
  for (const table of ['mirrored_tags', 'tags']) {
    yield* run(
      `DELETE FROM ${table} WHERE name = ? AND repository_id = (SELECT id FROM repositories WHERE name = ?)`,
      tag,
      repository,
    );
  }
}

export interface NewMirroredManifest extends ManifestFacts, Mirrored {
  /** Everything that it names. */
  readonly promises: readonly ExpectedContent[];
}

/** Records a manifest that is durable in the blob store, and what it promises. Tags known to point at it do so now. */
export function* recordMirroredManifest(manifest: NewMirroredManifest): Query<void> {
  const { digest, now } = manifest;
  yield* endTransits([digest], false);
  const id = yield* mirroredRepositoryId(manifest, now);
  yield* recordManifest(manifest, manifest.promises);
  yield* recordContent(digest, manifest.sizeBytes, now);
  yield* insertRows(
    'INSERT INTO mirrored_promises (repository_id, digest, size_bytes)',
    manifest.promises.map((promise) => [id, promise.digest, promise.sizeBytes]),
    'ON CONFLICT (repository_id, digest) DO NOTHING',
  );
  yield* run(
    `INSERT INTO tags (repository_id, name, digest, updated_at)
     SELECT repository_id, name, digest, checked_at FROM mirrored_tags WHERE repository_id = ? AND digest = ?
     ON CONFLICT (repository_id, name) DO UPDATE SET digest = excluded.digest, updated_at = excluded.updated_at`,
    id,
    digest,
  );
}

/** Remembers that a blob was not kept, and says whether that had happened before. */
export function* refuseBlob(digest: string, now: number): Query<boolean> {
  const isNew = yield* first(
    `INSERT INTO mirrored_refusals (digest, refused_at) VALUES (?, ?)
     ON CONFLICT (digest) DO NOTHING RETURNING digest AS "digest"`,
    digest,
    now,
  );
  return isNew === undefined;
}

/** Forgets what was refused before `before`. */
export function* forgetRefusals(before: number): Query<void> {
  yield* run('DELETE FROM mirrored_refusals WHERE refused_at < ?', before);
}

/** Records a blob that is durable in the blob store, for every repository that asked for it. */
export function* recordMirroredBlob(
  repositoryRefs: readonly Mirrored[],
  digest: string,
  sizeBytes: number,
  now: number,
): Query<void> {
  yield* endTransits([digest], false);
  yield* recordBlob(digest, sizeBytes, now);
  yield* recordContent(digest, sizeBytes, now);
  for (const repositoryRef of repositoryRefs) {
    yield* mirroredRepositoryId(repositoryRef, now);
    yield* link(repositoryRef.repository, digest, now);
  }
}

/** Lets a mirrored repository serve a blob that the store has, and says whether it has it. */
export function* linkHeldBlob(repositoryRef: Mirrored, digest: string, now: number): Query<boolean> {
  if (!(yield* first('SELECT 1 FROM blobs WHERE digest = ?', digest))) return false;
  yield* mirroredRepositoryId(repositoryRef, now);
  yield* link(repositoryRef.repository, digest, now);
  return true;
}

export interface Use {
  readonly digest: string;
  readonly usedAt: number;
  /** Asked for once more; else it is only still being read. */
  readonly isNew: boolean;
}

/**
 * When content was last used. What is asked for after it came is protected from then on. Content that came from no
 * upstream is passed over.
 */
export function* recordUses(uses: readonly Use[]): Query<void> {
  yield* holdSize();
  // In one order: writers that run beside each other must not wait for each other in a circle.
  for (const { digest, usedAt, isNew } of [...uses].sort((one, other) => (one.digest < other.digest ? -1 : 1))) {
    const changes = isNew ? 'used_at = ?, is_protected = 1' : 'used_at = ?';
    yield* run(`UPDATE mirrored_content SET ${changes} WHERE digest = ? AND used_at < ?`, usedAt, digest, usedAt);
  }
}
