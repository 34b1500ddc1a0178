import { type BlobDriver, StorageError } from '../../storage/blobs/driver.ts';
import { blobKey } from '../../storage/blobs/layout.ts';
import { putContent } from '../../storage/blobs/missing.ts';
import type { BatchCheck, BatchedManifest } from '../../storage/metadata/queries/manifest-batches.ts';
import { QuotaRefusal } from '../../storage/metadata/queries/steps/quotas.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import { claimLost } from '../content/claims.ts';
import { storeThenRecord } from '../content/trash.ts';
import type { Digest } from '../oci/digest.ts';
import { OciError } from '../oci/errors.ts';
import type { RepositoryName, Tag } from '../oci/reference.ts';
import { type Author, dated } from './author.ts';
import { type ImmutableTags, noImmutableTags } from './immutable-tags.ts';
import { type Admission, noQuotas } from './quotas/admission.ts';
import { parseForRecord, refuseIncomplete } from './manifests.ts';
import type { SignaturePolicy } from '../signatures/policy.ts';

/** A manifest of a batch. */
export interface BatchItem {
  readonly repository: RepositoryName;
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Buffer;
  readonly tags: readonly Tag[];
  /** True if the client may add tags only. */
  readonly keepTags: boolean;
  /** Entries of an index that may be missing. Default: none. */
  readonly optional?: readonly Digest[] | undefined;
}

/** Stores several manifests at once. */
export interface ManifestBatches {
  /**
   * Stores the manifests and points their tags at them: all in one transaction, or none. An index comes after its children.
   * Durable once resolved. Throws as `Manifests.put` does; DENIED names each tag that must not move.
   */
  put(items: readonly BatchItem[], author?: Author): Promise<void>;
  /** Throws DENIED if a tag must not move. `put` looks again: this is to refuse before content is stored. */
  checkTags(items: readonly Omit<BatchItem, 'bytes' | 'mediaType'>[]): Promise<void>;
}

export interface ManifestBatchesOptions {
  readonly driver: BlobDriver;
  readonly metadata: MetadataStore;
  readonly now: () => number;
  readonly acceptMissing: boolean;
  /** Called after each change of content. */
  readonly changed?: (() => void) | undefined;
  /** Default: none. */
  readonly immutable?: ImmutableTags | undefined;
  /** Default: no quotas. */
  readonly admission?: Admission | undefined;
  /** Default: images need no signatures. */
  readonly signatures?: SignaturePolicy | undefined;
}

/** The rules of quotas have changed since the quotas of a repository were looked up. */
class QuotasChanged extends StorageError {
  constructor() {
    super('unavailable', 'the quotas are being changed: try again');
  }
}

/** Rules change with the configuration only. */
const maxTries = 5;

export function createManifestBatches(options: ManifestBatchesOptions): ManifestBatches {
  const { driver, metadata, now, acceptMissing, changed, immutable = noImmutableTags, admission = noQuotas } = options;

  const fixedTagsOf = ({ repository, tags, keepTags }: Pick<BatchItem, 'repository' | 'tags' | 'keepTags'>) =>
    keepTags ? tags : immutable.of(repository, tags);

  function toRecord(
    { repository, digest, bytes, mediaType, tags, optional, ...item }: BatchItem,
    author?: Author,
  ): BatchedManifest {
    const { blobs, children, fields, mediaType: parsedType } = parseForRecord(bytes, mediaType);
    return {
      fixedTags: fixedTagsOf({ repository, tags, ...item }),
      manifest: {
        repository,
        digest,
        mediaType: parsedType,
        sizeBytes: bytes.length,
        ...fields,
        blobs: blobs.map(({ digest, sizeBytes }) => ({ digest, sizeBytes })),
        children: children.map(({ digest, sizeBytes }) => ({ digest, sizeBytes })),
        acceptMissing,
        optional,
        tags,
        now: now(),
        author: dated(author, now()),
        isLimited: admission.isLimited,
      },
    };
  }

  /** Records the manifests if the quotas of all repositories have room for them. */
  async function record(batch: readonly BatchedManifest[], author: Author | undefined): Promise<BatchCheck> {
    const [first] = batch;
    if (!admission.isLimited || !first) return metadata.manifestBatches.putAll(batch);
    for (let tries = 1; ; tries++) {
      // Finds out which quotas the repositories count in.
      for (const { manifest } of batch)
        await admission.makeRoom(manifest.repository, manifest.digest, manifest.sizeBytes, author);
      try {
        return await admission.admit(first.manifest.repository, () => putListed(batch), author);
      } catch (error) {
        if (!(error instanceof QuotasChanged) || tries === maxTries) throw error;
      }
    }
  }

  /** `admit` would look for the quotas of one repository only. */
  async function putListed(batch: readonly BatchedManifest[]): Promise<BatchCheck> {
    try {
      return await metadata.manifestBatches.putAll(batch);
    } catch (error) {
      throw error instanceof QuotaRefusal && error.reason.kind === 'unlisted' ? new QuotasChanged() : error;
    }
  }

  /** Stores the bytes from `at` on, each claimed while the following ones are stored, and records all with the claims. */
  async function storeFrom(
    items: readonly BatchItem[],
    at: number,
    claimed: readonly BatchedManifest[],
    author?: Author,
  ): Promise<BatchCheck> {
    const item = items[at];
    if (!item) return record(claimed, author);
    const { digest, bytes } = item;
    const { manifest, fixedTags } = toRecord(item, author);
    return storeThenRecord<BatchCheck>(
      { driver, metadata, now },
      {
        digest,
        store: () => putContent(driver, blobKey(digest), bytes),
        async record(claimant) {
          const check = await storeFrom(items, at + 1, [...claimed, { manifest: { ...manifest, claimant }, fixedTags }], author);
          return check.lapsed.includes(digest) ? claimLost : check;
        },
      },
    );
  }

  return {
    async put(items, author) {
      await requireSignatures(items, options.signatures);
      const check = await storeFrom(items, 0, [], author);
      refuseIncomplete(check, acceptMissing);
      refuseMoves(check.keptTags, immutable);
      changed?.();
    },

    async checkTags(items) {
      const kept: { repository: RepositoryName; tag: Tag }[] = [];
      for (const { repository, digest, ...item } of items) {
        for (const tag of fixedTagsOf({ repository, ...item }) as readonly Tag[]) {
          const current = await metadata.manifests.findByTag(repository, tag);
          if (current && current.digest !== digest) kept.push({ repository, tag });
        }
      }
      refuseMoves(kept, immutable);
    },
  };
}

/** Rejects DENIED for an image that may only be tagged when it is signed. */
async function requireSignatures(items: readonly BatchItem[], signatures: SignaturePolicy | undefined): Promise<void> {
  if (!signatures) return;
  for (const { repository, digest, mediaType, bytes, tags } of items)
    for (const tag of tags) await signatures.require(repository, { digest, mediaType, bytes, tag });
}

function refuseMoves(
  kept: readonly { readonly repository: RepositoryName; readonly tag: string }[],
  immutable: ImmutableTags,
): void {
  if (kept.length === 0) return;
  const entries = kept.map(({ repository, tag }) => {
    const isImmutable = immutable.of(repository, [tag]).length > 0;
    const message = isImmutable
      ? immutable.refusal(repository, tag, 'it cannot point at another manifest').message
      : `${repository}:${tag} exists: you may add tags, and not move those that exist`;
    return { message, detail: { repository, tag } };
  });
  throw new OciError('DENIED', { message: entries.map(({ message }) => message).join('; '), entries });
}
