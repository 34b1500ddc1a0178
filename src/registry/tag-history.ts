import type { Restoration } from '../../storage/metadata/queries/trash/restorations.ts';
import type { TagHistoryRecord } from '../../storage/metadata/queries/trash/tag-history.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import type { Digest } from '../oci/digest.ts';
import { OciError } from '../oci/errors.ts';
import type { RepositoryName, Tag } from '../oci/reference.ts';
import { type Author, dated } from './author.ts';
import type { ImmutableTags } from './immutable-tags.ts';
import { type Admission, noQuotas } from './quotas/admission.ts';

export interface RestoredTag {
  readonly digest: Digest;
  /** The entry of the trash that was restored for it. */
  readonly entryId: number | undefined;
}

/** Which manifests a tag pointed at; kept for 400 days. */
export interface TagHistory {
  /** Moves before the id `before` (exclusive), newest first. */
  list(repository: RepositoryName, tag: Tag, before: number, limit: number): Promise<readonly TagHistoryRecord[]>;
  /**
   * Points the tag at `digest`, or at the manifest before its last move. A manifest in the trash is restored, with everything in
   * its entry except tags that have moved since. Throws MANIFEST_UNKNOWN for a manifest that is not there any more, or a tag
   * that never moved; DENIED for an immutable tag.
   */
  restore(repository: RepositoryName, tag: Tag, digest: Digest | undefined, author?: Author): Promise<RestoredTag>;
}

export interface TagHistoryOptions {
  readonly metadata: MetadataStore;
  readonly now: () => number;
  readonly immutable: ImmutableTags;
  /** Restore manifests whose blobs are not there. */
  readonly acceptMissing: boolean;
  /** Called after each change of content. */
  readonly changed?: (() => void) | undefined;
  /** Default: no quotas. */
  readonly admission?: Admission | undefined;
}

/** A tag that was pushed again and again to the same manifest has no row for that, so the last move is among the first rows. */
const lastMoves = 2;

export function createTagHistory(options: TagHistoryOptions): TagHistory {
  const { metadata, now, immutable, acceptMissing, changed, admission = noQuotas } = options;
  const { isLimited } = admission;

  async function findPrevious(repository: RepositoryName, tag: Tag): Promise<Digest> {
    const current = await metadata.manifests.findByTag(repository, tag);
    const moves = await metadata.tagHistory.list(repository, tag, Number.MAX_SAFE_INTEGER, lastMoves);
    const last = moves.find(({ to }) => to === (current?.digest ?? null));
    if (last?.from) return last.from;
    throw new OciError('MANIFEST_UNKNOWN', { message: `${repository}:${tag} has pointed at no other manifest before` });
  }

  /** Returns the id of the entry that it restores; undefined if the manifest is live. Throws MANIFEST_UNKNOWN. */
  async function restoreManifest(repository: RepositoryName, digest: Digest, author?: Author): Promise<number | undefined> {
    if (await metadata.manifests.findByDigest(repository, digest)) return undefined;
    const entry = await metadata.trash.findByDigest(repository, digest, now());
    if (!entry) throw gone(repository, digest);
    const restoration: Restoration = {
      repository,
      entryId: entry.id,
      renames: {},
      movedTags: 'keep',
      acceptMissing,
      isLimited,
      author: dated(author, now()),
    };
    const result = await admission.admit(repository, () => metadata.restorations.put(restoration), author);
    if (result.outcome !== 'restored') throw gone(repository, digest);
    return entry.id;
  }

  return {
    list: (repository, tag, before, limit) => metadata.tagHistory.list(repository, tag, before, limit),

    async restore(repository, tag, wanted, author) {
      const isFixed = immutable.of(repository, [tag]).length > 0;
      const digest = wanted ?? (await findPrevious(repository, tag));
      if (isFixed) await refuseFixed(repository, tag, digest);
      const entryId = await restoreManifest(repository, digest, author);
      const reason = 'restored from the history';
      const move = { repository, tag, digest, isFixed, isLimited, reason, author: dated(author, now()) };
      const result = await admission.admit(repository, () => metadata.tagHistory.moveTag(move), author);
      if (result === 'fixed') throw immutable.refusal(repository, tag, 'it cannot point at another manifest');
      if (result === 'unknown') throw gone(repository, digest);
      changed?.();
      return { digest, entryId };
    },
  };

  /** Refuses before anything is restored for the tag; the write that moves it looks again. */
  async function refuseFixed(repository: RepositoryName, tag: Tag, digest: Digest): Promise<void> {
    const current = await metadata.manifests.findByTag(repository, tag);
    if (current && current.digest !== digest) throw immutable.refusal(repository, tag, 'it cannot point at another manifest');
  }
}

function gone(repository: RepositoryName, digest: Digest): OciError {
  return new OciError('MANIFEST_UNKNOWN', { message: `${repository} does not have ${digest} any more, nor has its trash` });
}
