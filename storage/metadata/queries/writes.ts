import { type Query, all, first, run } from './query.ts';
import { type DatedAuthor, recordContentChange } from './audit-steps.ts';
import { type ManifestFacts, link, recordBlob, recordManifest } from './content.ts';
import { type ExpectedContent, type ReferenceCheck, checkReferences } from './reads.ts';

export * from './access-writes.ts';
export * from './account-writes.ts';
export * from './audit-writes.ts';
export * from './coordination.ts';
export * from './mirror-eviction.ts';
export * from './mirror-listings.ts';
export * from './mirror-writes.ts';
export * from './oidc-writes.ts';
export * from './pins.ts';

/** What can be changed in the metadata store. Each is one transaction. Times are milliseconds since 1970. */

export interface NewManifest extends ManifestFacts {
  /** Must be linked as blobs: config and layers. */
  readonly blobs: readonly ExpectedContent[];
  /** Must be manifests of the repository, or linked as blobs: the entries of an index. */
  readonly children: readonly ExpectedContent[];
  /** Accept the manifest although some of `blobs` and `children` are unknown. */
  readonly acceptMissing: boolean;
  /** For the audit log. */
  readonly author?: DatedAuthor | undefined;
}

/** `owner`: whom the session serves; '' is everybody (open mode). `address`: where its client came from. */
export function* createUpload(
  id: string,
  repository: string,
  algorithm: string,
  now: number,
  owner = '',
  address = '',
): Query<void> {
  yield* run(
    'INSERT INTO uploads (id, repository, algorithm, started_at, owner, address) VALUES (?, ?, ?, ?, ?, ?)',
    id,
    repository,
    algorithm,
    now,
    owner,
    address,
  );
}

export function* deleteUpload(id: string): Query<void> {
  yield* run('DELETE FROM uploads WHERE id = ?', id);
}

/** Records a blob that is durable in the blob store, links it, and ends the upload session that brought it. */
export function* commitBlob(repository: string, digest: string, sizeBytes: number, uploadId: string, now: number): Query<void> {
  yield* recordBlob(digest, sizeBytes, now);
  yield* link(repository, digest, now);
  yield* becomePushed(repository);
  yield* deleteUpload(uploadId);
}

/** What somebody pushes into is a mirror no longer (its upstream is not configured any more): nothing of it is evicted. */
function* becomePushed(repository: string): Query<void> {
  yield* run('DELETE FROM mirrored_repositories WHERE repository_id = (SELECT id FROM repositories WHERE name = ?)', repository);
}

/** Links a blob of repository `from` into `to`, if `from` may serve it, and says whether it could. */
export function* mountBlob(from: string, to: string, digest: string, now: number, author?: DatedAuthor): Query<boolean> {
  const source = yield* first(
    'SELECT 1 FROM repositories r JOIN links l ON l.repository_id = r.id AND l.digest = ? WHERE r.name = ?',
    digest,
    from,
  );
  if (!source) return false;
  yield* link(to, digest, now);
  yield* becomePushed(to);
  yield* recordContentChange(author, 'blob.mount', to, { digest, from });
  return true;
}

/**
 * Takes the blob out of the repository. A blob that a manifest of the repository needs stays: the manifest's digest
 * is returned as `neededBy`.
 */
export function* unlinkBlob(
  repository: string,
  digest: string,
  author?: DatedAuthor,
): Query<{ readonly unlinked: boolean; readonly neededBy?: string }> {
  const found = yield* first<{ id: number }>(
    'SELECT r.id AS "id" FROM repositories r JOIN links l ON l.repository_id = r.id AND l.digest = ? WHERE r.name = ?',
    digest,
    repository,
  );
  if (!found) return { unlinked: false };
  const neededBy = yield* findParent(found.id, digest);
  if (neededBy !== undefined) return { unlinked: false, neededBy };
  yield* run('DELETE FROM links WHERE repository_id = ? AND digest = ?', found.id, digest);
  yield* recordContentChange(author, 'blob.delete', repository, { digest });
  return { unlinked: true };
}

function* findParent(repositoryId: number, digest: string): Query<string | undefined> {
  const row = yield* first<{ manifest: string }>(
    'SELECT manifest AS "manifest" FROM manifest_references WHERE repository_id = ? AND digest = ? LIMIT 1',
    repositoryId,
    digest,
  );
  return row?.manifest;
}

/**
 * Records a manifest that is durable in the blob store, and points `tags` at it. Nothing is changed when something that
 * it references is unknown to the repository, or of another size: see `checkReferences`.
 */
export function* putManifest(manifest: NewManifest): Query<ReferenceCheck> {
  const check = yield* checkReferences(manifest.repository, manifest.blobs, manifest.children);
  if (check.wrongSize.length > 0 || (check.missing.length > 0 && !manifest.acceptMissing)) return check;
  const { repository, digest, author } = manifest;
  const tags = yield* recordManifest(manifest, [...manifest.blobs, ...manifest.children]);
  yield* becomePushed(repository);
  yield* recordContentChange(author, 'manifest.push', repository, { digest, tags });
  return { missing: [], wrongSize: [] };
}

/** The same, but nothing is changed either where a tag points at another manifest already: those are returned. */
export function* putManifestKeepingTags(manifest: NewManifest): Query<ReferenceCheck & { readonly keptTags: readonly string[] }> {
  const keptTags = yield* tagsElsewhere(manifest);
  if (keptTags.length > 0) return { missing: [], wrongSize: [], keptTags };
  return { ...(yield* putManifest(manifest)), keptTags };
}

/** Those of the manifest's tags that point at another one. */
function* tagsElsewhere({ repository, tags, digest }: ManifestFacts): Query<readonly string[]> {
  const found: string[] = [];
  for (const tag of tags) {
    const row = yield* first(
      `SELECT 1 FROM repositories r JOIN tags t ON t.repository_id = r.id AND t.name = ? AND t.digest <> ? WHERE r.name = ?`,
      tag,
      digest,
      repository,
    );
    if (row) found.push(tag);
  }
  return found;
}

/**
 * Takes the manifest and every tag that points at it out of the repository. A manifest that an index of the repository
 * needs stays: the index's digest is returned as `neededBy`.
 */
export function* deleteManifest(
  repository: string,
  digest: string,
  author?: DatedAuthor,
): Query<{ readonly deleted: boolean; readonly neededBy?: string }> {
  const found = yield* first<{ id: number }>(
    'SELECT r.id AS "id" FROM repositories r JOIN manifests m ON m.repository_id = r.id AND m.digest = ? WHERE r.name = ?',
    digest,
    repository,
  );
  if (!found) return { deleted: false };
  const neededBy = yield* findParent(found.id, digest);
  if (neededBy !== undefined) return { deleted: false, neededBy };
  const tags = author ? yield* tagsOf(found.id, digest) : [];
  yield* run('DELETE FROM manifests WHERE repository_id = ? AND digest = ?', found.id, digest);
  yield* recordContentChange(author, 'manifest.delete', repository, { digest, tags });
  return { deleted: true };
}

/** More than people give one manifest: beyond, an audit line would grow without bound. */
const maxTagsRecorded = 1000;

function* tagsOf(repositoryId: number, digest: string): Query<readonly string[]> {
  const rows = yield* all<{ name: string }>(
    'SELECT name AS "name" FROM tags WHERE repository_id = ? AND digest = ? ORDER BY name LIMIT ?',
    repositoryId,
    digest,
    maxTagsRecorded,
  );
  return rows.map(({ name }) => name);
}

/** Takes the tag out of the repository and says whether it was there. The manifest stays. A mirrored tag is asked for anew. */
export function* deleteTag(repository: string, tag: string, author?: DatedAuthor): Query<boolean> {
  yield* run(
    'DELETE FROM mirrored_tags WHERE name = ? AND repository_id = (SELECT id FROM repositories WHERE name = ?)',
    tag,
    repository,
  );
  const row = yield* first<{ digest: string }>(
    `DELETE FROM tags WHERE name = ? AND repository_id = (SELECT id FROM repositories WHERE name = ?)
     RETURNING digest AS "digest"`,
    tag,
    repository,
  );
  if (row) yield* recordContentChange(author, 'tag.delete', repository, { tag, digest: row.digest });
  return row !== undefined;
}
