import type { DeletionResult } from '../../storage/metadata/queries/trash/deletions.ts';
import type { HoldRecord } from '../../storage/metadata/queries/steps/holds.ts';
import type { Removal } from '../../storage/metadata/queries/steps/removal.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import type { Condition } from '../oci/condition.ts';
import type { Digest } from '../oci/digest.ts';
import { OciError, preconditionFailed } from '../oci/errors.ts';
import type { Reference, RepositoryName, Tag } from '../oci/reference.ts';
import { type Author, dated } from './author.ts';
import { stillNeeded } from './blobs.ts';
import type { ImmutableTags } from './immutable-tags.ts';

/** Counts manifests that were deleted, restored, or deleted for good. */
export type Counted = (change: 'deleted' | 'restored' | 'purged', manifests: number) => void;

/** Kinds of content that clients may be allowed to delete. */
export const deletableKinds = ['manifests', 'tags', 'blobs'] as const;
export type DeletableKind = (typeof deletableKinds)[number];

export interface DeletionOptions {
  readonly author?: Author | undefined;
  /** Reason that the trash and the history of tags show. */
  readonly reason?: string | undefined;
  /** The result of `preview`: the deletion is refused unless it would remove exactly this. */
  readonly expected?: Removal | undefined;
}

/** Deletion by clients. Every method throws UNSUPPORTED where the configuration does not allow it. */
export interface Deletions {
  /** True if deleted manifests can be restored for a time. */
  readonly hasTrash: boolean;
  /** Throws UNSUPPORTED if clients may not delete such things. */
  require(kind: DeletableKind): void;
  /**
   * Deletes a tag; the manifest stays. Throws MANIFEST_UNKNOWN; DENIED for an immutable tag. Throws DENIED with status 412 if
   * the condition does not hold for the digest of the tag.
   */
  tag(repository: RepositoryName, tag: Tag, author?: Author, condition?: Condition): Promise<void>;
  /**
   * Deletes a manifest with its tags and everything that nothing else keeps; until the window of the trash ends it can be
   * restored. Resolves to what it deleted; `entryId` is null where nothing can be restored. Throws MANIFEST_UNKNOWN; UNSUPPORTED
   * while an index needs it; DENIED if it has a hold or an immutable tag, or, with status 409, if it is not as expected.
   */
  manifest(repository: RepositoryName, digest: Digest, options?: DeletionOptions): Promise<Deleted>;
  /** Returns the digest that the reference stands for now. Throws MANIFEST_UNKNOWN. */
  digestOf(repository: RepositoryName, reference: Reference): Promise<Digest>;
  /** Returns what `manifest` would delete, and writes nothing. Throws what `manifest` throws. */
  preview(repository: RepositoryName, digest: Digest): Promise<Removal>;
}

export interface Deleted {
  readonly entryId: number | null;
  readonly removal: Removal;
}

export interface DeletionsOptions {
  readonly metadata: MetadataStore;
  readonly now: () => number;
  readonly immutable: ImmutableTags;
  /** Kinds of content that clients may delete. */
  readonly kinds: readonly DeletableKind[];
  /** Time for which a deleted manifest can be restored, in seconds; 0: not at all. */
  readonly windowSeconds: number;
  /** Called after each change of content. */
  readonly changed?: (() => void) | undefined;
  readonly counted?: Counted | undefined;
}

export function createDeletions(options: DeletionsOptions): Deletions {
  const { metadata, now, immutable, kinds, windowSeconds, changed, counted } = options;
  function requireKind(kind: DeletableKind): void {
    if (kinds.includes(kind)) return;
    throw new OciError('UNSUPPORTED', { message: `the configuration of this registry does not allow deleting ${kind} (delete)` });
  }

  /** Returns the manifest's tags, for the write to compare. Throws DENIED if one is immutable. */
  async function deletableTags(repository: RepositoryName, digest: Digest): Promise<readonly string[] | undefined> {
    if (!immutable.hasAny) return undefined;
    const tags = await metadata.tags.listOf(repository, digest);
    const [fixed] = immutable.of(repository, tags);
    if (fixed !== undefined) throw immutable.refusal(repository, fixed, `its manifest ${digest} cannot be deleted`);
    return tags;
  }

  return {
    hasTrash: windowSeconds > 0,
    require: requireKind,

    async tag(repository, tag, author, condition) {
      requireKind('tags');
      const [fixed] = immutable.of(repository, [tag]);
      if (fixed !== undefined && (await metadata.manifests.findByTag(repository, tag)))
        throw immutable.refusal(repository, tag, 'it cannot be deleted');
      const datedAuthor = dated(author, now());
      const removed = condition
        ? await metadata.tags.removeIf(repository, tag, datedAuthor, condition)
        : await metadata.tags.remove(repository, tag, datedAuthor);
      if (removed === 'conflict') throw preconditionFailed(tag);
      if (!removed) throw unknown({ tag });
      changed?.();
    },

    async manifest(repository, digest, { author, reason = '', expected } = {}) {
      requireKind('manifests');
      for (;;) {
        const result = await metadata.deletions.put({
          repository,
          digest,
          reason,
          expected,
          author: dated(author, now()),
          windowMilliseconds: windowSeconds * 1000,
          cause: 'delete',
          deletableTags: await deletableTags(repository, digest),
        });
        if (result.outcome === 'deleted') {
          changed?.();
          counted?.('deleted', result.removal.manifests.length);
          return result;
        }
        // A tag was pushed after the others were looked at: it may be immutable.
        if (result.outcome !== 'tagged') throw refusalOf(result, repository, digest);
      }
    },

    async digestOf(repository, { tag, digest }) {
      if (digest !== undefined) return digest;
      const found = await metadata.manifests.findByTag(repository, tag);
      if (!found) throw unknown({ tag });
      return found.digest;
    },

    async preview(repository, digest) {
      requireKind('manifests');
      await deletableTags(repository, digest);
      const result = await metadata.deletions.preview(repository, digest, now());
      if (result.outcome !== 'deleted') throw refusalOf(result, repository, digest);
      return result.removal;
    },
  };
}

type FailedDeletion = Exclude<DeletionResult, { readonly outcome: 'deleted' }>;

function refusalOf(result: FailedDeletion, repository: RepositoryName, digest: Digest): OciError {
  if (result.outcome === 'needed') return stillNeeded('manifest', digest, result.neededBy);
  if (result.outcome === 'held') return heldError(result.hold);
  if (result.outcome === 'unknown') return unknown({ digest });
  const message = `${repository}@${digest} has changed since the plan was made: nothing was deleted`;
  return new OciError('DENIED', { status: 409, message, detail: { digest } });
}

function heldError({ digest, reason, actor, until }: HoldRecord): OciError {
  const who = actor === '' ? '' : ` by ${actor}`;
  const end = until === null ? '' : ` until ${new Date(until).toISOString()}`;
  const message = `${digest} is on hold${who}${end}: ${reason}`;
  return new OciError('DENIED', { message, detail: { digest, reason } });
}

function unknown(detail: { readonly tag: Tag } | { readonly digest: Digest }): OciError {
  return new OciError('MANIFEST_UNKNOWN', { detail });
}
