import { LRUCache } from 'lru-cache';
import type { BlobDriver } from '../../storage/blobs/driver.ts';
import { blobKey } from '../../storage/blobs/layout.ts';
import { putContent, readAll } from '../../storage/blobs/missing.ts';
import { type ManifestRecord, type ReferenceCheck, withoutOptional } from '../../storage/metadata/queries/manifests.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import { type Condition, etagOf, holds } from '../oci/condition.ts';
import { type Digest, digestAlgorithm, digestOf } from '../oci/digest.ts';
import { OciError, preconditionFailed } from '../oci/errors.ts';
import { type IndexedFields, indexedFields } from '../oci/indexed-fields.ts';
import { InvalidManifest } from '../oci/json-fields.ts';
import { type Manifest, parseManifest } from '../oci/manifest.ts';
import type { Reference, RepositoryName, Tag } from '../oci/reference.ts';
import { type Author, dated } from './author.ts';
import { type ImmutableTags, noImmutableTags } from './immutable-tags.ts';
import { type Admission, noQuotas } from './quotas/admission.ts';
import type { SignaturePolicy } from '../signatures/policy.ts';
import { unlessUnreachable } from '../content/existence-cache.ts';
import { ContentMissing, damaged, openContent } from '../content/missing-content.ts';
import { claimLost } from '../content/claims.ts';
import { storeThenRecord } from '../content/trash.ts';

export interface PushedManifest {
  readonly digest: Digest;
  readonly subject: Digest | undefined;
}

export interface FoundManifest extends ManifestRecord {
  /** The bytes, verified, if they are in memory. The caller must not change them. */
  readonly bytes: Buffer | undefined;
}

/** Manifests as a repository serves them; their bytes are kept as they came. */
export interface Manifests {
  /** Returns the manifest that the reference names now. Throws MANIFEST_UNKNOWN. */
  find(repository: RepositoryName, reference: Reference): Promise<FoundManifest>;
  /**
   * The same for a client that asks whether it must push the manifest: the repository keeps it for the grace of garbage
   * collection from now on. Throws MANIFEST_UNKNOWN.
   */
  keep(repository: RepositoryName, reference: Reference): Promise<FoundManifest>;
  /** True if the bytes of a found manifest are missing or damaged; false while a remote store does not answer. */
  isLost(digest: Digest, sizeBytes: number): Promise<boolean>;
  /**
   * Returns the bytes of a manifest that the caller has found; the caller must not change them. Throws `ContentMissing` when
   * they are missing or have another digest.
   */
  bytes(digest: Digest, sizeBytes: number): Promise<Buffer>;
  /**
   * Checks and stores a manifest, under its digest or a tag, and points `tags` at it too. Durable once resolved.
   * Throws MANIFEST_INVALID, DIGEST_INVALID, MANIFEST_BLOB_UNKNOWN (one entry for each missing digest): nothing is
   * stored then. A subject need not exist. Also DENIED where an immutable tag would be moved, and with `keepTags` where any
   * tag would be, or where a tag may only point at a signed image, and `QuotaExceeded`.
   */
  put(
    repository: RepositoryName,
    reference: Reference,
    tags: readonly Tag[],
    bytes: Buffer,
    contentType: string,
    options?: PutOptions,
  ): Promise<PushedManifest>;
}

export interface PutOptions {
  /** Refuse to move a tag that exists. */
  readonly keepTags: boolean;
  readonly author?: Author | undefined;
  /** What the reference must name now; otherwise nothing is recorded, and `put` throws DENIED with status 412. */
  readonly condition?: Condition | undefined;
  /** Entries of an index that may be missing: those of other platforms than were copied. Default: none. */
  readonly optional?: readonly Digest[] | undefined;
}

export interface ManifestsOptions {
  readonly driver: BlobDriver;
  readonly metadata: MetadataStore;
  readonly now: () => number;
  /** Accept manifests whose blobs or children are not there (sparse images and indexes). */
  readonly acceptMissing: boolean;
  readonly changed?: () => void;
  /** Called with manifests whose bytes were found missing or wrong. */
  readonly onDamaged?: ((digest: Digest) => void) | undefined;
  /** Default: none. */
  readonly immutable?: ImmutableTags | undefined;
  /** Default: no quotas. */
  readonly admission?: Admission | undefined;
  /** Default: images need no signatures. */
  readonly signatures?: SignaturePolicy | undefined;
}

/** Memory for cached manifests. By digest, so nothing ever needs to be invalidated. */
const cacheBytes = 64 * 1024 * 1024;
/** Memory of a cached manifest in addition to its bytes: the objects of the buffer, the digest and the lists of the cache. */
const cacheEntryBytes = 512;

export function createManifests(options: ManifestsOptions): Manifests {
  const { driver, metadata, now, acceptMissing, changed, onDamaged, signatures } = options;
  const { immutable = noImmutableTags, admission = noQuotas } = options;
  const cache = new LRUCache<Digest, Buffer>({
    maxSize: cacheBytes,
    sizeCalculation: (bytes) => bytes.length + cacheEntryBytes,
  });

  async function readBytes(digest: Digest, sizeBytes: number): Promise<Buffer> {
    const object = await openContent(driver, digest, sizeBytes);
    try {
      const bytes = await readAll(object);
      const actual = digestOf(bytes, digestAlgorithm(digest));
      if (actual !== digest) throw damaged(digest, `are damaged in the blob store (their digest is ${actual})`);
      return bytes;
    } finally {
      await object.close();
    }
  }

  async function bytesOf(digest: Digest, sizeBytes: number): Promise<Buffer> {
    const cached = cache.get(digest);
    if (cached) return cached;
    const bytes = await readBytes(digest, sizeBytes).catch((error: unknown) => {
      if (error instanceof ContentMissing) onDamaged?.(digest);
      throw error;
    });
    cache.set(digest, bytes);
    return bytes;
  }

  /** Throws for a condition that does not hold, before a push makes room or stores bytes. The transaction asks again. */
  async function requireCondition(repository: RepositoryName, { tag, digest }: Reference, condition?: Condition): Promise<void> {
    if (!condition) return;
    const { findByTag, findByDigest } = metadata.manifests;
    const found = await (tag === undefined ? findByDigest(repository, digest) : findByTag(repository, tag));
    if (!holds(condition, found && etagOf(found.digest))) throw preconditionFailed(tag ?? digest);
  }

  const isLost = (digest: Digest, sizeBytes: number): Promise<boolean> =>
    bytesOf(digest, sizeBytes).then(
      () => false,
      (error: unknown) => {
        if (error instanceof ContentMissing) return true;
        throw error;
      },
    );

  async function find(repository: RepositoryName, reference: Reference): Promise<FoundManifest> {
    const record =
      reference.tag === undefined
        ? await metadata.manifests.findIntactByDigest(repository, reference.digest)
        : await metadata.manifests.findIntactByTag(repository, reference.tag);
    if (!record) throw unknown(reference);
    return withBytes(record);
  }

  function withBytes({ digest, mediaType, sizeBytes }: ManifestRecord): FoundManifest {
    return { digest, mediaType, sizeBytes, bytes: cache.get(digest) };
  }

  return {
    find,
    async keep(repository, reference) {
      // A tag keeps its manifest.
      if (reference.tag !== undefined) return find(repository, reference);
      const record = await metadata.reviews.findManifest(repository, reference.digest);
      if (!record) throw unknown(reference);
      const isExpiring = record.expiringAt !== null && record.expiringAt < now();
      if (isExpiring && !(await metadata.reviews.postpone(repository, record.digest, now()))) throw unknown(reference);
      return withBytes(record);
    },

    isLost: (digest, sizeBytes) => unlessUnreachable(driver, isLost(digest, sizeBytes), false),
    bytes: bytesOf,

    async put(repository, reference, tags, bytes, contentType, { keepTags, author, condition, optional } = { keepTags: false }) {
      const digest = verifiedDigest(bytes, reference.digest);
      const { blobs, children, ...manifest } = parseForRecord(bytes, contentType);
      const references = await metadata.manifests.checkReferences(repository, blobs, children);
      refuseIncomplete({ ...references, missing: withoutOptional(references.missing, optional) }, acceptMissing);
      const allTags = [...(reference.tag === undefined ? [] : [reference.tag]), ...tags];
      await requireCondition(repository, reference, condition);
      for (const tag of signatures ? allTags : [])
        await signatures?.require(repository, { digest, mediaType: manifest.mediaType, bytes, tag });
      const fixedTags = keepTags ? allTags : immutable.of(repository, allTags);
      const facts = {
        repository,
        digest,
        mediaType: manifest.mediaType,
        sizeBytes: bytes.length,
        ...manifest.fields,
        blobs: blobs.map(({ digest, sizeBytes }) => ({ digest, sizeBytes })),
        children: children.map(({ digest, sizeBytes }) => ({ digest, sizeBytes })),
        acceptMissing,
        optional,
        tags: allTags,
        now: now(),
        author: dated(author, now()),
        isLimited: admission.isLimited,
      };
      await admission.makeRoom(repository, digest, bytes.length, author);
      const check = await storeThenRecord<PutCheck>(
        { driver, metadata, now },
        {
          digest,
          store: () => putContent(driver, blobKey(digest), bytes),
          async record(claimant) {
            const claimed = { ...facts, claimant };
            const check = await admission.admit<PutCheck>(
              repository,
              () => {
                if (condition) return metadata.manifests.putIf(claimed, fixedTags, reference, condition);
                return fixedTags.length > 0
                  ? metadata.manifests.putKeepingTags(claimed, fixedTags)
                  : metadata.manifests.put(claimed);
              },
              author,
            );
            return check.isLapsed ? claimLost : check;
          },
        },
      );
      if (check.isConflict) throw preconditionFailed(reference.tag ?? reference.digest);
      refuseIncomplete(check, acceptMissing);
      refuseMoving(repository, check.keptTags ?? [], immutable);
      changed?.();
      return { digest, subject: manifest.subject };
    },
  };
}

interface PutCheck extends ReferenceCheck {
  readonly keptTags?: readonly string[];
  readonly isConflict?: boolean;
}

function unknown(reference: Reference): OciError {
  return new OciError('MANIFEST_UNKNOWN', { detail: reference });
}

/** Parses a manifest for its record. Throws MANIFEST_INVALID. */
export function parseForRecord(bytes: Buffer, contentType: string): Manifest & { readonly fields: IndexedFields } {
  try {
    const manifest = parseManifest(bytes, contentType);
    return { ...manifest, fields: indexedFields(manifest) };
  } catch (error) {
    if (error instanceof InvalidManifest) throw new OciError('MANIFEST_INVALID', { message: error.message });
    throw error;
  }
}

/** The digest of the bytes, in the algorithm of the digest that the client named, if any. */
function verifiedDigest(bytes: Buffer, named: Digest | undefined): Digest {
  const actual = digestOf(bytes, named && digestAlgorithm(named));
  if (named && named !== actual) {
    throw new OciError('DIGEST_INVALID', {
      message: `the manifest's digest is ${actual}, not ${named}`,
      detail: { actual, digest: named },
    });
  }
  return actual;
}

function refuseMoving(repository: RepositoryName, tags: readonly string[], immutable: ImmutableTags): void {
  if (tags.length === 0) return;
  const [fixed] = immutable.of(repository, tags);
  if (fixed !== undefined) throw immutable.refusal(repository, fixed, 'it cannot point at another manifest');
  const message = 'you may add tags, and not move those that exist';
  throw new OciError('DENIED', { message, detail: { tags } });
}

/** Throws MANIFEST_INVALID or MANIFEST_BLOB_UNKNOWN for references that the repository does not have. */
export function refuseIncomplete({ missing, wrongSize }: ReferenceCheck, acceptMissing: boolean): void {
  if (wrongSize.length > 0) {
    throw new OciError('MANIFEST_INVALID', {
      message: 'a descriptor has another size than its content',
      detail: { digests: wrongSize },
    });
  }
  if (missing.length === 0 || acceptMissing) return;
  const entries = missing.map((digest) => ({
    message: `${digest} is unknown to the repository: push it first`,
    detail: { digest },
  }));
  throw new OciError('MANIFEST_BLOB_UNKNOWN', { entries });
}
