import { type Query, all, batches, first } from './query.ts';

export * from './access-reads.ts';
export * from './coordination-reads.ts';
export * from './mirror-reads.ts';
export * from './namespace-reads.ts';
export * from './oidc-reads.ts';

/** What can be asked of the metadata store. Each is an index lookup, or a page of one. */

export interface ManifestRecord {
  readonly digest: string;
  readonly mediaType: string;
  readonly sizeBytes: number;
}

export interface ReferrerRecord extends ManifestRecord {
  readonly artifactType: string | null;
  /** JSON object, or null. */
  readonly annotations: string | null;
}

export interface UploadRecord {
  readonly id: string;
  readonly repository: string;
  readonly algorithm: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** Whom it serves; '' is everybody (open mode). */
  readonly owner: string;
}

/** Not a join: PostgreSQL must see that it is one repository, whose index has the order that a page asks for. */
const inRepository = 'repository_id = (SELECT id FROM repositories WHERE name = ?)';

const manifestColumns = 'm.digest AS "digest", m.media_type AS "mediaType", m.size_bytes AS "sizeBytes"';

export function* findManifestByTag(repository: string, tag: string): Query<ManifestRecord | undefined> {
  return yield* first<ManifestRecord>(
    `SELECT ${manifestColumns} FROM repositories r
       JOIN tags t ON t.repository_id = r.id AND t.name = ?
       JOIN manifests m ON m.repository_id = r.id AND m.digest = t.digest
      WHERE r.name = ?`,
    tag,
    repository,
  );
}

export function* findManifestByDigest(repository: string, digest: string): Query<ManifestRecord | undefined> {
  return yield* first<ManifestRecord>(
    `SELECT ${manifestColumns} FROM repositories r
       JOIN manifests m ON m.repository_id = r.id AND m.digest = ?
      WHERE r.name = ?`,
    digest,
    repository,
  );
}

/** The size of a blob that the repository may serve. */
export function* findLink(repository: string, digest: string): Query<{ readonly sizeBytes: number } | undefined> {
  return yield* first<{ readonly sizeBytes: number }>(
    `SELECT b.size_bytes AS "sizeBytes" FROM repositories r
       JOIN links l ON l.repository_id = r.id AND l.digest = ?
       JOIN blobs b ON b.digest = l.digest
      WHERE r.name = ?`,
    digest,
    repository,
  );
}

/** Names of at most `limit` repositories that may serve the blob, in no order. */
export function* repositoriesLinking(digest: string, limit: number): Query<readonly string[]> {
  const rows = yield* all<{ name: string }>(
    `SELECT r.name AS "name" FROM links l JOIN repositories r ON r.id = l.repository_id WHERE l.digest = ? LIMIT ?`,
    digest,
    limit,
  );
  return rows.map((row) => row.name);
}

export function* repositoryExists(name: string): Query<boolean> {
  return (yield* first('SELECT 1 FROM repositories WHERE name = ?', name)) !== undefined;
}

/** Tag names after `after` (exclusive), ascending by bytes. */
export function* listTags(repository: string, after: string, limit: number): Query<readonly string[]> {
  const rows = yield* all<{ name: string }>(
    `SELECT name AS "name" FROM tags WHERE ${inRepository} AND name > ? ORDER BY name LIMIT ?`,
    repository,
    after,
    limit,
  );
  return rows.map((row) => row.name);
}

/** Repository names after `after` (exclusive), ascending by bytes. */
export function* listRepositories(after: string, limit: number): Query<readonly string[]> {
  const rows = yield* all<{ name: string }>(
    'SELECT name AS "name" FROM repositories WHERE name > ? ORDER BY name LIMIT ?',
    after,
    limit,
  );
  return rows.map((row) => row.name);
}

/** Names of at most `limit` repositories that hold the text, ascending. Looks at every name. */
export function* findRepositoriesHolding(text: string, limit: number): Query<readonly string[]> {
  const pattern = `%${text.replaceAll(/[\\%_]/g, '\\$&')}%`;
  const rows = yield* all<{ name: string }>(
    `SELECT name AS "name" FROM repositories WHERE name LIKE ? ESCAPE '\\' ORDER BY name LIMIT ?`,
    pattern,
    limit,
  );
  return rows.map((row) => row.name);
}

/** Larger annotations are not read for a description: a search reads those of many repositories. */
const maxDescribingBytes = 65_536;

/**
 * JSON annotations of the manifest that the tag `latest` points at, else the last tag by name. Null where there are none, or
 * more than 64 KiB of them.
 */
export function* findAnnotations(repository: string): Query<{ readonly annotations: string | null } | undefined> {
  return yield* first<{ readonly annotations: string | null }>(
    `SELECT CASE WHEN octet_length(m.annotations) <= ${maxDescribingBytes} THEN m.annotations END AS "annotations" FROM repositories r
       JOIN manifests m ON m.repository_id = r.id AND m.digest = coalesce(
         (SELECT t.digest FROM tags t WHERE t.repository_id = r.id AND t.name = 'latest'),
         (SELECT t.digest FROM tags t WHERE t.repository_id = r.id ORDER BY t.name DESC LIMIT 1))
      WHERE r.name = ?`,
    repository,
  );
}

/** Bytes of a referrer's descriptor beside its annotations and its artifact type. */
const descriptorBytes = 400;

/** About how many bytes the descriptors of `listReferrers` have in JSON, in its order. The annotations are not read. */
export function* listReferrerSizes(
  repository: string,
  subject: string,
  artifactType: string | undefined,
  after: string,
  limit: number,
): Query<readonly number[]> {
  const size = `${descriptorBytes} + coalesce(octet_length(m.annotations), 0) + coalesce(octet_length(m.artifact_type), 0)`;
  const rows = yield* referrerPage<{ sizeBytes: number }>(
    `${size} AS "sizeBytes"`,
    repository,
    subject,
    artifactType,
    after,
    limit,
  );
  return rows.map(({ sizeBytes }) => sizeBytes);
}

/** Manifests whose subject is `subject`, after the digest `after` (exclusive), ascending by digest. */
export function* listReferrers(
  repository: string,
  subject: string,
  artifactType: string | undefined,
  after: string,
  limit: number,
): Query<readonly ReferrerRecord[]> {
  const columns = `${manifestColumns}, m.artifact_type AS "artifactType", m.annotations AS "annotations"`;
  return yield* referrerPage<ReferrerRecord>(columns, repository, subject, artifactType, after, limit);
}

function* referrerPage<Record>(
  columns: string,
  repository: string,
  subject: string,
  artifactType: string | undefined,
  after: string,
  limit: number,
): Query<readonly Record[]> {
  const select = `SELECT ${columns} FROM manifests m WHERE ${inRepository} AND m.subject = ?`;
  const page = 'AND m.digest > ? ORDER BY m.digest LIMIT ?';
  return artifactType === undefined
    ? yield* all<Record>(`${select} ${page}`, repository, subject, after, limit)
    : yield* all<Record>(`${select} AND m.artifact_type = ? ${page}`, repository, subject, artifactType, after, limit);
}

export function* findUpload(id: string): Query<UploadRecord | undefined> {
  return yield* first<UploadRecord>(
    `SELECT id AS "id", repository AS "repository", algorithm AS "algorithm", started_at AS "startedAt", owner AS "owner"
       FROM uploads WHERE id = ?`,
    id,
  );
}

/** True if at least `count` upload sessions belong to `owner`. */
export function* hasUploadsOfOwner(owner: string, count: number): Query<boolean> {
  const row = yield* first('SELECT id AS "id" FROM uploads WHERE owner = ? LIMIT 1 OFFSET ?', owner, count - 1);
  return row !== undefined;
}

/** True if at least `count` upload sessions were begun from `address`. */
export function* hasUploadsFromAddress(address: string, count: number): Query<boolean> {
  const row = yield* first('SELECT id AS "id" FROM uploads WHERE address = ? LIMIT 1 OFFSET ?', address, count - 1);
  return row !== undefined;
}

/** Ids of at most `limit` upload sessions begun before `before` (milliseconds since 1970), oldest first. */
export function* uploadsStartedBefore(before: number, limit: number): Query<readonly string[]> {
  const rows = yield* all<{ id: string }>(
    'SELECT id AS "id" FROM uploads WHERE started_at < ? ORDER BY started_at LIMIT ?',
    before,
    limit,
  );
  return rows.map((row) => row.id);
}

/** Content as a descriptor announces it. */
export interface ExpectedContent {
  readonly digest: string;
  readonly sizeBytes: number;
}

export interface ReferenceCheck {
  /** Digests that the repository has not. */
  readonly missing: readonly string[];
  /** Digests whose content has another size than announced. */
  readonly wrongSize: readonly string[];
}

/**
 * Compares what a manifest references with what the repository has: `blobs` among its links, `children` among its manifests
 * and else among its links. BuildKit's older cache format is an index over layers.
 */
export function* checkReferences(
  repository: string,
  blobs: readonly ExpectedContent[],
  children: readonly ExpectedContent[],
): Query<ReferenceCheck> {
  const row = yield* first<{ id: number }>('SELECT id AS "id" FROM repositories WHERE name = ?', repository);
  if (!row) return { missing: [...new Set([...blobs, ...children].map(({ digest }) => digest))], wrongSize: [] };
  const manifests = new Map(yield* sizesOf(sizesOfManifests, row.id, children));
  const others = children.filter(({ digest }) => !manifests.has(digest));
  const sizes = new Map([...(yield* sizesOf(sizesOfLinks, row.id, [...blobs, ...others])), ...manifests]);
  const missing = new Set<string>();
  const wrongSize = new Set<string>();
  for (const { digest, sizeBytes } of [...blobs, ...children]) {
    const actual = sizes.get(digest);
    if (actual === undefined) missing.add(digest);
    else if (actual !== sizeBytes) wrongSize.add(digest);
  }
  return { missing: [...missing], wrongSize: [...wrongSize] };
}

const sizesOfLinks = `SELECT l.digest AS "digest", b.size_bytes AS "sizeBytes"
  FROM links l JOIN blobs b ON b.digest = l.digest WHERE l.repository_id = ? AND l.digest IN`;
const sizesOfManifests = `SELECT m.digest AS "digest", m.size_bytes AS "sizeBytes"
  FROM manifests m WHERE m.repository_id = ? AND m.digest IN`;

function* sizesOf(select: string, repositoryId: number, contents: readonly ExpectedContent[]): Query<[string, number][]> {
  const found: [string, number][] = [];
  const digests = [...new Set(contents.map(({ digest }) => digest))];
  for (const batch of batches(digests)) {
    const marks = batch.map(() => '?').join(', ');
    const rows = yield* all<{ digest: string; sizeBytes: number }>(`${select} (${marks})`, repositoryId, ...batch);
    found.push(...rows.map((row): [string, number] => [row.digest, row.sizeBytes]));
  }
  return found;
}
