import { type Condition, etagOf, holds } from '../../../src/oci/condition.ts';
import type { Digest } from '../../../src/oci/digest.ts';
import type { Reference, RepositoryName } from '../../../src/oci/reference.ts';
import { type Query, all, batches, concurrentWrite, first, read, remembered, write } from './steps/query.ts';
import { type DatedAuthor, recordPush } from './steps/events.ts';
import { type ExpectedContent, type ManifestFacts, becomePushed, inRepository, insertManifest } from './steps/content.ts';
import { dropBytesReview, endClaim } from './steps/claims.ts';
import { isIntact } from './steps/corrupt.ts';
import { withinQuotas } from './steps/quotas.ts';
import { reviewUntagged } from './steps/reviews.ts';
import { recordTagChanges } from './steps/tag-history.ts';

/** Manifests of repositories. Times are milliseconds since 1970. */

export interface ManifestRecord {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly sizeBytes: number;
}

export interface ReferrerRecord extends ManifestRecord {
  readonly artifactType: string | null;
  /** JSON object, or null. */
  readonly annotations: string | null;
}

export interface ReferenceCheck {
  /** Digests that the repository does not have, or has in quarantine. */
  readonly missing: readonly Digest[];
  /** Digests whose content has another size than announced. */
  readonly wrongSize: readonly Digest[];
  /** True if the claim on the manifest's bytes was taken away: nothing is changed, and the bytes must be stored again. */
  readonly isLapsed?: boolean;
}

export interface NewManifest extends ManifestFacts {
  /** Must be linked as blobs: config and layers. */
  readonly blobs: readonly ExpectedContent[];
  /** Must be manifests of the repository, or linked as blobs: the entries of an index. */
  readonly children: readonly ExpectedContent[];
  /** Accept the manifest although some of `blobs` and `children` are unknown. */
  readonly acceptMissing: boolean;
  /** Those of `children` that may be missing in any case. Default: none. */
  readonly optional?: readonly Digest[] | undefined;
  /** The claim on the manifest's bytes. Undefined: the caller relies on no bytes. */
  readonly claimant?: string | undefined;
  /** True if quotas are configured. */
  readonly isLimited?: boolean;
  readonly author: DatedAuthor;
}

const manifestColumns = 'm.digest AS "digest", m.media_type AS "mediaType", m.size_bytes AS "sizeBytes"';

/** Largest annotations that are read for the description in a search, in bytes. */
const maxDescribingBytes = 65_536;

/** Approximate size of a referrer's descriptor without its annotations and its artifact type, in bytes. */
const descriptorBytes = 400;

const sizesOfLinks = `SELECT l.digest AS "digest", b.size_bytes AS "sizeBytes"
  FROM links l JOIN blobs b ON b.digest = l.digest WHERE l.repository_id = ? AND ${isIntact('l.digest')} AND l.digest IN`;

const sizesOfManifests = `SELECT m.digest AS "digest", m.size_bytes AS "sizeBytes"
  FROM manifests m WHERE m.repository_id = ? AND ${isIntact('m.digest')} AND m.digest IN`;

/** Returns the digest of any manifest of the repository. */
export const findAny = read(function* (repository: RepositoryName): Query<Digest | undefined> {
  const row = yield* first<{ digest: Digest }>(
    'SELECT digest AS "digest" FROM manifests WHERE repository_id = (SELECT id FROM repositories WHERE name = ?) LIMIT 1',
    repository,
  );
  return row?.digest;
});

// Composed once: these run for every pull, and a store finds the prepared statement by its text.
const byTag = `SELECT ${manifestColumns} FROM repositories r
  JOIN tags t ON t.repository_id = r.id AND t.name = ?
  JOIN manifests m ON m.repository_id = r.id AND m.digest = t.digest
 WHERE r.name = ?`;

const byDigest = `SELECT ${manifestColumns} FROM repositories r
  JOIN manifests m ON m.repository_id = r.id AND m.digest = ?
 WHERE r.name = ?`;

const intactByTag = `${byTag} AND ${isIntact('m.digest')}`;

const intactByDigest = `${byDigest} AND ${isIntact('m.digest')}`;

export const findByTag = read(function* (repository: RepositoryName, tag: string): Query<ManifestRecord | undefined> {
  return yield* first<ManifestRecord>(byTag, tag, repository);
});

export const findByDigest = read(function* (repository: RepositoryName, digest: Digest): Query<ManifestRecord | undefined> {
  return yield* first<ManifestRecord>(byDigest, digest, repository);
});

/** Returns the manifest that the tag points at, unless it is in quarantine. */
export const findIntactByTag = remembered(
  read(function* (repository: RepositoryName, tag: string): Query<ManifestRecord | undefined> {
    return yield* first<ManifestRecord>(intactByTag, tag, repository);
  }),
);

/** Returns the manifest, unless it is in quarantine. */
export const findIntactByDigest = remembered(
  read(function* (repository: RepositoryName, digest: Digest): Query<ManifestRecord | undefined> {
    return yield* first<ManifestRecord>(intactByDigest, digest, repository);
  }),
);

/**
 * Returns the annotations (JSON) of the manifest that the tag `latest` points at, or the last tag by name without one. Null
 * if there are none, or more than 64 KiB.
 */
export const findAnnotations = read(function* (
  repository: RepositoryName,
): Query<{ readonly annotations: string | null } | undefined> {
  return yield* first<{ readonly annotations: string | null }>(
    `SELECT CASE WHEN octet_length(m.annotations) <= ${maxDescribingBytes} THEN m.annotations END AS "annotations" FROM repositories r
       JOIN manifests m ON m.repository_id = r.id AND m.digest = coalesce(
         (SELECT t.digest FROM tags t WHERE t.repository_id = r.id AND t.name = 'latest'),
         (SELECT t.digest FROM tags t WHERE t.repository_id = r.id ORDER BY t.name DESC LIMIT 1))
      WHERE r.name = ?`,
    repository,
  );
});

/** Returns the approximate sizes of the descriptors of `listReferrers` in JSON, in its order. Does not read the annotations. */
export const listReferrerSizes = read(function* (
  repository: RepositoryName,
  subject: Digest,
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
});

/** Returns manifests with the subject, after the digest `after` (exclusive), ascending by digest. */
export const listReferrers = read(function* (
  repository: RepositoryName,
  subject: Digest,
  artifactType: string | undefined,
  after: string,
  limit: number,
): Query<readonly ReferrerRecord[]> {
  const columns = `${manifestColumns}, m.artifact_type AS "artifactType", m.annotations AS "annotations"`;
  return yield* referrerPage<ReferrerRecord>(columns, repository, subject, artifactType, after, limit);
});

function* referrerPage<Record>(
  columns: string,
  repository: RepositoryName,
  subject: Digest,
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

/**
 * Compares the references of a manifest with the content of the repository: `blobs` with its links, `children` with its manifests
 * and its links, because the older cache format of BuildKit is an index of layers.
 */
export const checkReferences = read(function* (
  repository: RepositoryName,
  blobs: readonly ExpectedContent[],
  children: readonly ExpectedContent[],
): Query<ReferenceCheck> {
  const row = yield* first<{ id: number }>('SELECT id AS "id" FROM repositories WHERE name = ?', repository);
  if (!row) return { missing: [...new Set([...blobs, ...children].map(({ digest }) => digest))], wrongSize: [] };
  const manifests = new Map(yield* sizesOf(sizesOfManifests, row.id, children));
  const others = children.filter(({ digest }) => !manifests.has(digest));
  const sizes = new Map([...(yield* sizesOf(sizesOfLinks, row.id, [...blobs, ...others])), ...manifests]);
  const missing = new Set<Digest>();
  const wrongSize = new Set<Digest>();
  for (const { digest, sizeBytes } of [...blobs, ...children]) {
    const actual = sizes.get(digest);
    if (actual === undefined) missing.add(digest);
    else if (actual !== sizeBytes) wrongSize.add(digest);
  }
  return { missing: [...missing], wrongSize: [...wrongSize] };
});

function* sizesOf(select: string, repositoryId: number, contents: readonly ExpectedContent[]): Query<[Digest, number][]> {
  const found: [Digest, number][] = [];
  const digests = [...new Set(contents.map(({ digest }) => digest))];
  for (const batch of batches(digests)) {
    const marks = batch.map(() => '?').join(', ');
    const rows = yield* all<{ digest: Digest; sizeBytes: number }>(`${select} (${marks})`, repositoryId, ...batch);
    found.push(...rows.map((row): [Digest, number] => [row.digest, row.sizeBytes]));
  }
  return found;
}

/**
 * Records a manifest that is durable in the blob store, and points `tags` at it. Changes nothing if the repository does not have
 * referenced content, or has it with another size: see `checkReferences`. Rejects `QuotaRefusal` if `isLimited` and a quota
 * would be exceeded.
 */
export const put = concurrentWrite(function* (manifest: NewManifest): Query<ReferenceCheck> {
  return yield* withinQuotas(manifest.repository, manifest.isLimited === true, () => record(manifest));
});

function* record(manifest: NewManifest): Query<ReferenceCheck> {
  if (!(yield* endClaim(manifest.digest, manifest.claimant, manifest.now))) return { missing: [], wrongSize: [], isLapsed: true };
  const check = yield* checkReferences(manifest.repository, manifest.blobs, manifest.children);
  const missing = withoutOptional(check.missing, manifest.optional);
  if (check.wrongSize.length > 0 || (missing.length > 0 && !manifest.acceptMissing)) return { ...check, missing };
  const { repository, digest, author, now } = manifest;
  const { repositoryId, tags } = yield* insertManifest(manifest, [...manifest.blobs, ...manifest.children]);
  yield* becomePushed(repository);
  yield* dropBytesReview(digest);
  if (tags.length === 0) yield* reviewUntagged(repositoryId, digest, now);
  const changes = tags.map(({ name, before }) => ({ name, from: before, to: digest }));
  yield* recordTagChanges(repositoryId, changes, author);
  yield* recordPush(author, repository, digest, tags);
  return { missing: [], wrongSize: [] };
}

/** Returns the digests that are not optional. */
export function withoutOptional(missing: readonly Digest[], optional: readonly Digest[] = []): readonly Digest[] {
  if (optional.length === 0) return missing;
  const known = new Set(optional);
  return missing.filter((digest) => !known.has(digest));
}

/**
 * Records a manifest as `put` does. Also changes nothing if some of `fixedTags` point at other manifests: returns those.
 */
export const putKeepingTags = write(function* (
  manifest: NewManifest,
  fixedTags: readonly string[],
): Query<ReferenceCheck & { readonly keptTags: readonly string[] }> {
  const keptTags = yield* tagsElsewhere(manifest, fixedTags);
  if (keptTags.length > 0) return { missing: [], wrongSize: [], keptTags };
  return { ...(yield* put(manifest)), keptTags };
});

/**
 * Records a manifest as `putKeepingTags` does. Also changes nothing if the condition does not hold for the digest that the
 * reference names now: `isConflict`.
 */
export const putIf = write(function* (
  manifest: NewManifest,
  fixedTags: readonly string[],
  reference: Reference,
  condition: Condition,
): Query<ReferenceCheck & { readonly keptTags: readonly string[]; readonly isConflict?: boolean }> {
  const { repository } = manifest;
  const found =
    reference.tag === undefined ? yield* findByDigest(repository, reference.digest) : yield* findByTag(repository, reference.tag);
  if (holds(condition, found && etagOf(found.digest))) return yield* putKeepingTags(manifest, fixedTags);
  return { missing: [], wrongSize: [], keptTags: [], isConflict: true };
});

/** Returns the tags that point at another manifest. */
export function* tagsElsewhere({ repository, digest }: ManifestFacts, tags: readonly string[]): Query<readonly string[]> {
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
