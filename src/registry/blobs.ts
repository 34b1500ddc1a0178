import { LRUCache } from 'lru-cache';
import type { BlobDriver, ByteRange, OpenObject } from '../../storage/blobs/driver.ts';
import { blobKey } from '../../storage/blobs/layout.ts';
import type { Author } from '../../storage/metadata/queries/audit-steps.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import type { Digest } from '../oci/digest.ts';
import { OciError } from '../oci/errors.ts';
import type { RepositoryName } from '../oci/reference.ts';
import { dated } from './author.ts';
import { translating } from './failures.ts';
import { ContentMissing, hasContent, openContent } from '../content/missing-content.ts';

/** Blobs as a repository serves them: only those that are linked into it exist. `author`: for the audit log. */
export interface Blobs {
  /** Size in bytes. Throws BLOB_UNKNOWN. */
  size(repository: RepositoryName, digest: Digest): Promise<number>;
  /** True if the store does not have the blob's bytes, or not `sizeBytes` of them. */
  isLost(digest: Digest, sizeBytes: number): Promise<boolean>;
  /**
   * Opens a blob whose link and size the caller has got by `size`. The caller closes it. Throws `BytesLost` when its bytes
   * are missing or have another size.
   */
  open(digest: Digest, sizeBytes: number, range?: ByteRange): Promise<OpenObject>;
  /**
   * Returns a URL that serves the blob's bytes for a while; undefined where the store has none. Throws `BytesLost` when the
   * store does not have `sizeBytes` of it, as far as that has been looked up in the last minutes: berth does not see what the
   * client gets. Without `sizeBytes` the caller has looked itself.
   */
  presign(digest: Digest, sizeBytes: number | undefined): Promise<string | undefined>;
  /** Links a blob of `from` into `to`. False where `from` does not serve it, or its bytes are lost. Durable once resolved. */
  mount(from: string, to: RepositoryName, digest: Digest, author?: Author): Promise<boolean>;
  /** Names of repositories that serve the blob, at most `limit`. */
  holders(digest: Digest, limit: number): Promise<readonly string[]>;
  /** Takes the blob out of the repository. Throws BLOB_UNKNOWN; UNSUPPORTED while one of its manifests needs it. */
  unlink(repository: RepositoryName, digest: Digest, author?: Author): Promise<void>;
}

/** Long enough for a client to begin the download of a layer that waits behind others. */
const presignedSeconds = 20 * 60;
const presentMilliseconds = 5 * 60_000;
const maxPresent = 100_000;

export interface BlobsOptions {
  readonly driver: BlobDriver;
  readonly metadata: MetadataStore;
  readonly now: () => number;
}

export function createBlobs({ driver, metadata, now }: BlobsOptions): Blobs {
  /** Content that was in the store a moment ago. */
  const present = new LRUCache<string, true>({ max: maxPresent, ttl: presentMilliseconds });

  async function assertPresent(digest: Digest, sizeBytes: number): Promise<void> {
    if (present.has(digest)) return;
    if (!(await hasContent(driver, digest, sizeBytes))) throw new ContentMissing(digest, undefined);
    present.set(digest, true);
  }

  return {
    size: (repository, digest) =>
      translating(async () => {
        const link = await metadata.findLink(repository, digest);
        if (!link) throw new OciError('BLOB_UNKNOWN', { detail: { digest } });
        return link.sizeBytes;
      }),
    isLost: (digest, sizeBytes) => translating(async () => !(await hasContent(driver, digest, sizeBytes))),
    open: (digest, sizeBytes, range) => translating(() => openContent(driver, digest, sizeBytes, range)),
    presign: (digest, sizeBytes) =>
      translating(async () => {
        if (!driver.capabilities.presignedReads) return undefined;
        if (sizeBytes !== undefined) await assertPresent(digest, sizeBytes);
        return driver.presignRead(blobKey(digest), presignedSeconds);
      }),
    mount: (from, to, digest, author) =>
      translating(async () => {
        const link = await metadata.findLink(from, digest);
        if (!link || !(await hasContent(driver, digest, link.sizeBytes))) return false;
        return metadata.mountBlob(from, to, digest, now(), dated(author, now()));
      }),
    holders: (digest, limit) => translating(() => metadata.repositoriesLinking(digest, limit)),
    unlink: (repository, digest, author) =>
      translating(async () => {
        const { unlinked, neededBy } = await metadata.unlinkBlob(repository, digest, dated(author, now()));
        if (neededBy !== undefined) throw stillNeeded('blob', digest, neededBy);
        if (!unlinked) throw new OciError('BLOB_UNKNOWN', { detail: { digest } });
      }),
  };
}

/** What is part of something that can be pulled is not taken away from under it. */
export function stillNeeded(kind: 'blob' | 'manifest', digest: Digest, neededBy: string): OciError {
  const message = `${kind} ${digest} is needed by manifest ${neededBy}: delete that first`;
  return new OciError('UNSUPPORTED', { message, detail: { digest, neededBy }, headers: { Allow: 'GET, HEAD' } });
}
