import type { BlobDriver, ByteRange, OpenObject } from '../../storage/blobs/driver.ts';
import { blobKey } from '../../storage/blobs/layout.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import type { Digest } from '../oci/digest.ts';
import { OciError } from '../oci/errors.ts';
import type { RepositoryName } from '../oci/reference.ts';
import { type Author, dated } from './author.ts';
import { createExistenceCache, unlessUnreachable } from '../content/existence-cache.ts';
import { type Admission, noQuotas } from './quotas/admission.ts';
import { ContentMissing, hasContent, openContent } from '../content/missing-content.ts';

/** Blobs as a repository serves them: only those that are linked into it exist. `author`: for the event. */
export interface Blobs {
  /** Size in bytes. Throws BLOB_UNKNOWN. */
  size(repository: RepositoryName, digest: Digest): Promise<number>;
  /**
   * The same for a client that asks whether it must push the blob: the repository keeps it for the grace of garbage collection
   * from now on. Throws BLOB_UNKNOWN.
   */
  keep(repository: RepositoryName, digest: Digest): Promise<number>;
  /**
   * True if the blob's bytes are missing or have another size than `sizeBytes`. A remote store is asked once in five minutes
   * for a blob; while it does not answer, the record of the blob counts: false.
   */
  isLost(digest: Digest, sizeBytes: number): Promise<boolean>;
  /**
   * Opens a blob of `sizeBytes` that the caller has found with `size`. The caller closes it. Throws `ContentMissing` when its
   * bytes are missing or have another size.
   */
  open(digest: Digest, sizeBytes: number, range?: ByteRange): Promise<OpenObject>;
  /**
   * Returns a URL that serves the blob's bytes for twenty minutes; undefined where the store has no such URLs. Throws
   * `ContentMissing` when the store does not have `sizeBytes` of it (looked up at most once in five minutes: berth does not
   * see what the client receives). Without `sizeBytes` nothing is looked up: the caller has done so.
   */
  presign(digest: Digest, sizeBytes: number | undefined): Promise<string | undefined>;
  /**
   * Links a blob of `from` into `to`. False where `from` does not serve it, or its bytes are lost. Durable once resolved. Throws
   * `QuotaExceeded`.
   */
  mount(from: RepositoryName, to: RepositoryName, digest: Digest, author?: Author): Promise<boolean>;
  /** Names of repositories that serve the blob, at most `limit`. */
  holders(digest: Digest, limit: number): Promise<readonly RepositoryName[]>;
  /** Takes the blob out of the repository. Throws BLOB_UNKNOWN; UNSUPPORTED while one of its manifests needs it. */
  unlink(repository: RepositoryName, digest: Digest, author?: Author): Promise<void>;
}

/** Long enough for a client to begin the download of a layer that waits behind others. */
const presignedSeconds = 20 * 60;

export interface BlobsOptions {
  readonly driver: BlobDriver;
  readonly metadata: MetadataStore;
  readonly now: () => number;
  readonly changed?: () => void;
  /** Called with content whose bytes were found missing or of another size. */
  readonly onDamaged?: ((digest: Digest) => void) | undefined;
  /** Default: no quotas. */
  readonly admission?: Admission | undefined;
}

export function createBlobs({ driver, metadata, now, changed, onDamaged, admission = noQuotas }: BlobsOptions): Blobs {
  const existence = createExistenceCache({ driver, now });

  const isPresent = (digest: Digest, sizeBytes: number): Promise<boolean> =>
    driver.capabilities.remote
      ? unlessUnreachable(driver, existence.has(digest, sizeBytes), true)
      : hasContent(driver, digest, sizeBytes);

  async function openBlob(digest: Digest, sizeBytes: number, range?: ByteRange): Promise<OpenObject> {
    try {
      return await openContent(driver, digest, sizeBytes, range);
    } catch (error) {
      if (error instanceof ContentMissing) {
        existence.forget(digest);
        onDamaged?.(digest);
      }
      throw error;
    }
  }

  return {
    async size(repository, digest) {
      const link = await metadata.blobs.findLink(repository, digest);
      if (!link) throw new OciError('BLOB_UNKNOWN', { detail: { digest } });
      return link.sizeBytes;
    },
    async keep(repository, digest) {
      const blob = await metadata.reviews.findBlob(repository, digest, now());
      const isKept = blob && (!blob.isExpiring || (await metadata.reviews.postpone(repository, digest, now())));
      if (!isKept) throw new OciError('BLOB_UNKNOWN', { detail: { digest } });
      return blob.sizeBytes;
    },
    isLost: async (digest, sizeBytes) => !(await isPresent(digest, sizeBytes)),
    open: (digest, sizeBytes, range) => openBlob(digest, sizeBytes, range),
    async presign(digest, sizeBytes) {
      if (!driver.capabilities.presignedReads) return undefined;
      if (sizeBytes !== undefined && !(await existence.has(digest, sizeBytes))) throw new ContentMissing(digest, undefined);
      return driver.presignRead(blobKey(digest), presignedSeconds);
    },
    async mount(from, to, digest, author) {
      const link = await metadata.blobs.findLink(from, digest);
      if (!link || !(await isPresent(digest, link.sizeBytes))) return false;
      const isMounted = await admission.admit(
        to,
        () => metadata.blobs.mount(from, to, digest, dated(author, now()), admission.isLimited),
        author,
      );
      if (isMounted) changed?.();
      return isMounted;
    },
    holders: (digest, limit) => metadata.blobs.listRepositories(digest, limit),
    async unlink(repository, digest, author) {
      const { unlinked, neededBy } = await metadata.blobs.unlink(repository, digest, dated(author, now()));
      if (neededBy !== undefined) throw stillNeeded('blob', digest, neededBy);
      if (!unlinked) throw new OciError('BLOB_UNKNOWN', { detail: { digest } });
      changed?.();
    },
  };
}

/** Returns the error for deleting content that a manifest of the repository still needs. */
export function stillNeeded(kind: 'blob' | 'manifest', digest: Digest, neededBy: Digest): OciError {
  const message = `${kind} ${digest} is needed by manifest ${neededBy}: delete that first`;
  return new OciError('UNSUPPORTED', { message, detail: { digest, neededBy } });
}
